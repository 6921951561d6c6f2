#include "rotation/crash_point.hpp"

#include <csignal>
#include <cstdlib>

namespace rekey::rotation {

void crash_point(std::string_view step) {
    const char* wanted = std::getenv("REKEY_TEST_CRASH_AT");
    if (wanted != nullptr && step == wanted) {
        std::raise(SIGKILL);
    }
}

} // namespace rekey::rotation
