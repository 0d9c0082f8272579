#include "symbiont/base/csv.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "temporary_directory.h"

namespace symbiont {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CsvTable parsed(std::string_view text) {
  Result<CsvTable> table = CsvTable::parse(text, "trace.csv");
  EXPECT_TRUE(table) << (table ? "" : table.error().message());
  return table ? *std::move(table) : CsvTable();
}

std::string error_of(std::string_view text) {
  const Result<CsvTable> table = CsvTable::parse(text, "trace.csv");
  EXPECT_FALSE(table);
  return table ? "" : table.error().message();
}

TEST(CsvTable, GivesTextAndNumbersByColumnName) {
  const CsvTable table = parsed("time,power_w,steps\n0.5,-1e3,42\n1,2.25,-7\n");

  EXPECT_THAT(table.header(), ElementsAre("time", "power_w", "steps"));
  ASSERT_EQ(table.rows(), 2U);
  const std::size_t power = table.column("power_w").value();
  EXPECT_EQ(table.number(0, power).value(), -1000.0);
  EXPECT_EQ(table.number(1, power).value(), 2.25);
  EXPECT_EQ(table.integer(1, table.column("steps").value()).value(), -7);
  EXPECT_EQ(table.text(0, 0), "0.5");
  EXPECT_TRUE(table.has_column("time"));
  EXPECT_FALSE(table.has_column("Time"));
}

TEST(CsvTable, ReadsQuotedFieldsWithCommasQuotesAndNewlines) {
  const CsvTable table = parsed("a,b\n\"x, \"\"y\"\"\",\"two\nlines\"\n,\"\"\n");

  EXPECT_EQ(table.text(0, 0), "x, \"y\"");
  EXPECT_EQ(table.text(0, 1), "two\nlines");
  EXPECT_EQ(table.text(1, 0), "");
  EXPECT_EQ(table.text(1, 1), "");
}

TEST(CsvTable, ReadsWhatASpreadsheetOnWindowsSaves) {
  const CsvTable table = parsed(
      "\xEF\xBB\xBF"
      "a,b\r\n1,\"2\"\r\n3,4\r\n");

  EXPECT_THAT(table.header(), ElementsAre("a", "b"));
  EXPECT_EQ(table.integer(0, 1).value(), 2);
  EXPECT_EQ(table.integer(1, 1).value(), 4);
}

TEST(CsvTable, DoesNotNeedANewlineAtTheEnd) {
  EXPECT_EQ(parsed("a\n1").rows(), 1U);
  EXPECT_EQ(parsed("a\n1\r").text(0, 0), "1");
  EXPECT_EQ(parsed("a\n\"1\"\r").text(0, 0), "1");
  EXPECT_EQ(parsed("a,b\n1,").text(0, 1), "");
}

TEST(CsvTable, SkipsCommentsBeforeTheHeaderAndBlankLinesAnywhere) {
  const CsvTable table = parsed("# measured in May\n\n# on two machines\na\n\n#1\n\n");

  ASSERT_EQ(table.rows(), 1U);
  EXPECT_EQ(table.text(0, 0), "#1");
}

TEST(CsvTable, NamesLineAndColumnOfWhatIsNoNumber) {
  const CsvTable table = parsed("# comment\nname,power_w\n\"two\nlines\",1\nx,12 W\n");

  EXPECT_EQ(table.number(1, 1).error().message(),
            "trace.csv:5: column \"power_w\": expected a number, found \"12 W\"");
  EXPECT_EQ(table.error_at(0, 1, "must be positive").message(),
            "trace.csv:3: column \"power_w\": must be positive");
}

TEST(CsvTable, RefusesNumbersThatAreNotFinitePlainDecimals) {
  const CsvTable table = parsed("n\nnan\ninf\n-inf\n\"\"\n 1\n1 \n0x10\n+1\n1e999\n");
  ASSERT_EQ(table.rows(), 9U);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    EXPECT_FALSE(table.number(row, 0)) << table.text(row, 0);
    EXPECT_FALSE(table.integer(row, 0)) << table.text(row, 0);
  }
  EXPECT_THAT(parsed("n\n1e999\n").number(0, 0).error().message(), HasSubstr("out of range"));
}

TEST(CsvTable, RefusesIntegersWithAFractionOrTooLarge) {
  const CsvTable table = parsed("n\n1.0\n9223372036854775808\n9223372036854775807\n");

  EXPECT_EQ(table.integer(0, 0).error().message(),
            "trace.csv:2: column \"n\": expected an integer, found \"1.0\"");
  EXPECT_THAT(table.integer(1, 0).error().message(), HasSubstr("out of range"));
  EXPECT_EQ(table.integer(2, 0).value(), INT64_MAX);
}

TEST(CsvTable, RefusesARowOfAnotherLength) {
  EXPECT_EQ(error_of("a,b\n1,2\n1,2,3,4\n"),
            "trace.csv:3: expected 2 fields as in the header, found 4");
  EXPECT_EQ(error_of("a,b\n1\n"), "trace.csv:2: expected 2 fields as in the header, found 1");
}

TEST(CsvTable, RefusesAHeaderThatNamesAColumnTwice) {
  EXPECT_EQ(error_of("a,b,a\n"), "trace.csv: two columns are named \"a\"");
}

TEST(CsvTable, RefusesTextWithoutAHeader) {
  EXPECT_EQ(error_of(""), "trace.csv:1: expected a header line, found the end of the file");
  EXPECT_EQ(error_of("# only\n# comments"),
            "trace.csv:3: expected a header line, found the end of the file");
}

TEST(CsvTable, RefusesBrokenQuotes) {
  EXPECT_EQ(error_of("a\nx\n\"open\n\n"),
            "trace.csv:3: a quoted field that starts here never ends");
  EXPECT_EQ(error_of("a\n\"x\"y\n"),
            "trace.csv:2: expected a comma after the closing quote, found \"y\"");
  EXPECT_EQ(error_of("a\nx\"y\n"), "trace.csv:2: a quote inside the unquoted field \"x\"y\"");
}

TEST(CsvTable, RefusesMoreColumnsThanAnyoneNeeds) {
  EXPECT_EQ(error_of(std::string(1 << 20, ',')), "trace.csv:1: more than 16384 columns");
}

TEST(CsvTable, ListsTheColumnsThatExistWhenOneDoesNot) {
  EXPECT_EQ(parsed("a,b\n").column("c").error().message(),
            "trace.csv: no column \"c\"; the columns are \"a\", \"b\"");
}

TEST(CsvTable, LoadsAFileAndNamesItInErrors) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "t.csv") << "a\nx\n";

  const Result<CsvTable> table = CsvTable::load(directory / "t.csv");
  ASSERT_TRUE(table);
  EXPECT_THAT(table->number(0, 0).error().message(), HasSubstr("/t.csv:2: column \"a\""));
  EXPECT_EQ(CsvTable::load(directory / "none.csv").error().code(), ErrorCode::kNotFound);
}

std::string written(const std::string& field) {
  std::string text = "\"";
  for (const char c : field) {
    text += c == '"' ? "\"\"" : std::string(1, c);
  }
  return text + '"';
}

RC_GTEST_PROP(CsvTable, ReadsBackWhateverWasWritten, ()) {
  const auto columns = *rc::gen::inRange<std::size_t>(1, 6);
  const auto field =
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab,\"\r\n# ")));
  const auto row = rc::gen::container<std::vector<std::string>>(columns, field);
  const auto rows = *rc::gen::container<std::vector<std::vector<std::string>>>(row);
  const std::string end = *rc::gen::element<std::string>("\n", "\r\n");

  std::string text;
  for (std::size_t i = 0; i < columns; ++i) {
    text += (i == 0 ? "c" : ",c") + std::to_string(i);
  }
  for (const auto& fields : rows) {
    text += end;
    for (std::size_t i = 0; i < columns; ++i) {
      text += (i == 0 ? "" : ",") + written(fields[i]);
    }
  }
  const Result<CsvTable> table = CsvTable::parse(text, "x.csv");
  RC_ASSERT(table.has_value());
  RC_ASSERT(table->rows() == rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      RC_ASSERT(table->text(r, c) == rows[r][c]);
    }
  }
}

RC_GTEST_PROP(CsvTable, NeverCrashesAndKeepsRowsRectangular, ()) {
  const auto text =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("a1,,\"\"\r\n\n#\0", 11)));
  const Result<CsvTable> table = CsvTable::parse(text, "x.csv");
  for (std::size_t row = 0; table && row < table->rows(); ++row) {
    table->text(row, table->header().size() - 1);
  }
}

}  // namespace
}  // namespace symbiont
