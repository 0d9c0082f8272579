#pragma once
/// Completion for shells, made from the command tree. Each result is a whole script.

#include <string>

#include "command_tree.h"

namespace symbiont::app {

/// For bash 4.4 or later; needs nothing beside it.
std::string bash_completion(const Command& root);
/// For zsh: to be found in $fpath as `_symbiont`, or sourced.
std::string zsh_completion(const Command& root);
/// For fish 3.
std::string fish_completion(const Command& root);

}  // namespace symbiont::app
