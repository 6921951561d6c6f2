// Percent-encoding as RFC 3986 has it, which request signatures count on. Pure.
#pragma once

#include <string>
#include <string_view>

namespace rekey::rotation::http {

// Everything but A-Z a-z 0-9 - _ . ~ as %XX. The text never grows while it is made: the caller can cleanse it.
std::string escape(std::string_view text);

} // namespace rekey::rotation::http
