// Times for people and machines.
#pragma once

#include <chrono>
#include <string>

namespace rekey::proxy::admin {

// RFC 3339 with milliseconds, in UTC: 2026-01-31T23:59:59.123Z
std::string utc_text(std::chrono::system_clock::time_point time);
// 950ms, 12s, 3m04s, 2h05m, 4d03h
std::string age_text(double seconds);

} // namespace rekey::proxy::admin
