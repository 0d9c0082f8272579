#pragma once
/// Image sets: the four files of MNIST, and scikit-learn's digits.

#include <cstddef>
#include <filesystem>
#include <string>

#include "symbiont/data/dataset.h"

namespace symbiont::data {

/// The four files of `folder`. `install` ends the message when one is missing.
Result<Split> load_idx_folder(const std::filesystem::path& folder, const std::string& install);

/// Rows of 64 pixels from 0 to 16 and the digit, without a header; gzip or plain.
Result<Split> load_digits(const std::filesystem::path& file, const std::string& install);

}  // namespace symbiont::data
