#pragma once
/// Manual pages in the format of man(7), made from the command tree.

#include <string>

#include "command_tree.h"

namespace symbiont::app {

/// The page of `command`, which is `root` or below it. What the help of `root` says of exit codes
/// stands on every page; of environment and files, on its own and those of commands with `--home`.
std::string manual_page(const Command& root, const Command& command);

}  // namespace symbiont::app
