#include "proxy/admin/time_text.hpp"

#include <cstdio>
#include <ctime>

namespace rekey::proxy::admin {

std::string utc_text(std::chrono::system_clock::time_point time) {
    using namespace std::chrono;
    auto whole = floor<seconds>(time);
    auto milli = static_cast<int>(duration_cast<milliseconds>(time - whole).count());
    std::time_t count = system_clock::to_time_t(whole);
    std::tm parts{};
    gmtime_r(&count, &parts);
    char text[48];
    std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milli);
    return text;
}

std::string age_text(double seconds) {
    char text[32];
    auto total = static_cast<long long>(seconds);
    if (seconds < 1)
        std::snprintf(text, sizeof text, "%dms", static_cast<int>(seconds * 1000));
    else if (total < 60)
        std::snprintf(text, sizeof text, "%llds", total);
    else if (total < 3600)
        std::snprintf(text, sizeof text, "%lldm%02llds", total / 60, total % 60);
    else if (total < 86400)
        std::snprintf(text, sizeof text, "%lldh%02lldm", total / 3600, total / 60 % 60);
    else
        std::snprintf(text, sizeof text, "%lldd%02lldh", total / 86400, total / 3600 % 24);
    return text;
}

} // namespace rekey::proxy::admin
