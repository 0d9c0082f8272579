#include "symbiont/store/database.h"
#include <gtest/gtest.h>
