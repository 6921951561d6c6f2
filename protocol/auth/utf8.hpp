// UTF-8 to code points and back. RFC 3629.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

// Absent if not valid: truncated, over-long, a surrogate, beyond U+10FFFF.
std::optional<std::u32string> decode_utf8(std::string_view text);
std::string encode_utf8(std::u32string_view codes);

} // namespace rekey::protocol::auth
