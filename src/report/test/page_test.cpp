#include "symbiont/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_run.h"

namespace symbiont::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string page_of(const RunRecords& run) {
  const auto summary = summarise(run, false);
  EXPECT_TRUE(summary);
  return to_html(run, *summary, {"host"});
}

/// The name of the tag that starts at the front of `rest`.
std::string name_of(std::string_view tag) {
  return std::string(tag.substr(0, tag.find_first_of(" />\n")));
}

/// What is wrong with the nesting of tags and the use of '&'; empty when nothing is.
std::string flaw(std::string_view text) {
  std::vector<std::string> open;
  for (std::size_t at = text.find_first_of("<&"); at != text.npos;
       at = text.find_first_of("<&", at + 1)) {
    if (text[at] == '&') {
      const std::size_t end = text.find(';', at);
      if (end == text.npos || end - at > 6) return "a bare & at " + std::to_string(at);
      continue;
    }
    const std::size_t end = text.find('>', at);
    if (end == text.npos) return "an open < at " + std::to_string(at);
    const std::string_view tag = text.substr(at + 1, end - at - 1);
    if (tag.find('<') != tag.npos) return "a < in a tag at " + std::to_string(at);
    if (tag.front() == '!' || tag.back() == '/') continue;
    if (tag.front() != '/') {
      open.push_back(name_of(tag));
    } else if (open.empty() || open.back() != tag.substr(1)) {
      return "</" + name_of(tag.substr(1)) + "> at " + std::to_string(at);
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    ++found;
  }
  return found;
}

RunRecords run_of(int recurrences) {
  RunRecords run = empty_run();
  for (int i = 0; i < recurrences; ++i) {
    Trained trained;
    trained.batch_size = 16 << (i % 3);
    trained.metrics = std::vector<double>(8, 0.85);
    trained.why = R"({"stage":"bandit","reason":"lowest cost drawn among 3 sizes","arms":[
        {"batch_size":16,"n":4,"mean_j":20.0,"sd_j":1.0,"sampled_j":19.0},
        {"batch_size":32,"n":4,"mean_j":21.0,"sd_j":1.0,"sampled_j":22.5}]})";
    add_recurrence(run, {trained});
  }
  return run;
}

TEST(Page, IsWellFormedInEveryState) {
  RunRecords unreached = empty_run();
  Trained failed;
  failed.stopped = ledger::Stopped::kMaxEpochs;
  add_recurrence(unreached, {failed});
  RunRecords bare = run_of(2);
  bare.history.identity = R"({"batch_size":32})";
  for (const RunRecords& run : {empty_run(), run_of(1), run_of(24), run_of(120), unreached, bare}) {
    const std::string page = page_of(run);
    EXPECT_EQ(flaw(page), "");
    EXPECT_EQ(count(page, "<figure "), 6U);
    EXPECT_EQ(count(page, "<figcaption>"), 6U);
  }
}

TEST(Page, CarriesProvenanceAndUnits) {
  const std::string page = page_of(run_of(3));
  EXPECT_THAT(page, HasSubstr("modelled ±40 %, this process"));
  EXPECT_THAT(page, HasSubstr("energy (modelled)"));
  EXPECT_THAT(page, HasSubstr("80 J ±40 %"));
}

TEST(Page, ReadsNamesAndReasonsAsWords) {
  RunRecords run = run_of(2);
  run.job.name = "</title><script>alert(1)</script>";
  run.recurrences[0].attempts[0].attempt.reason = "\"><img src=x onerror=alert(1)>\x01\xff";
  run.recurrences[1].attempts[0].attempt.why =
      R"({"stage":"bandit","reason":"<b onclick='x'>&amp;"})";
  run.history.identity = R"({"batch_size":32,"data":"<i>","model":"&","target":"<u> >= 1"})";
  const std::string page = page_of(run);
  EXPECT_EQ(flaw(page), "");
  for (const char* tag : {"<script", "<img", "<b ", "<i>", "<u>"}) {
    EXPECT_THAT(page, Not(HasSubstr(tag)));
  }
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)"));
}

TEST(Page, SaysWhatIsMissingInsteadOfAPlot) {
  const std::string page = page_of(empty_run());
  EXPECT_EQ(count(page, "class=\"missing\""), 6U);
  EXPECT_THAT(page, HasSubstr("baseline_runs"));
}

TEST(Page, OfFiveHundredRecurrencesIsSmall) {
  EXPECT_LT(page_of(run_of(500)).size(), 2'000'000U);
}

TEST(Page, OfManyMoreSaysWhatItLeavesOut) {
  const std::string page = page_of(run_of(5000));
  EXPECT_LT(page.size(), 2'000'000U);
  EXPECT_THAT(page, HasSubstr("4000 recurrences in between are left out"));
}

}  // namespace
}  // namespace symbiont::report
