#include "symbiont/base/version.h"

namespace symbiont {

std::string_view version() {
  return SYMBIONT_VERSION;
}

}  // namespace symbiont
