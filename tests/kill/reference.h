#pragma once
/// The run that nobody kills, against which all others are held.

#include <filesystem>

#include <nlohmann/json.hpp>

#include "books.h"
#include "job.h"

namespace symbiont::testing {

struct Reference {
  Books books;
  nlohmann::json summary;  ///< what `symbiont run --json` printed
};

/// Performs an undisturbed run.
Reference perform_reference(Shape shape);

/// An undisturbed run: the one that the CTest fixture has put into the folder KILL_TEST_REFERENCE
/// when that is set, else performed at the first call.
const Reference& reference(Shape shape = Shape::kManyAttempts);

/// Performs the undisturbed runs and puts them into the folder KILL_TEST_REFERENCE.
void store_references();

/// A summary without what a kill may change: lost and start-up energy, and that it was resumed.
nlohmann::json lasting(nlohmann::json summary);

}  // namespace symbiont::testing
