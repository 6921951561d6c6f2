// Where the integration tests kill the process: REKEY_TEST_CRASH_AT names a journal step; reaching it raises SIGKILL.
// Costs one comparison per step of a rotation when it is not set.
#pragma once

#include <string_view>

namespace rekey::rotation {

void crash_point(std::string_view step);

} // namespace rekey::rotation
