// Times as RFC 3339 writes them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation {

// In UTC with milliseconds: 2026-01-31T23:59:59.042Z
std::string format_rfc3339(std::chrono::system_clock::time_point time);

// Any date-time of RFC 3339 5.6 (an offset, a fraction of up to nine digits) in the years 1970 to 2261; a leap second
// is read as the second after.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

} // namespace rekey::rotation
