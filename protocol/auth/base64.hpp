// Base64 as SCRAM and its verifiers use it: RFC 4648, section 4, with padding and nothing else between the characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

std::string base64_encode(std::string_view bytes);
// Strict: a wrong length, a character outside the alphabet, padding elsewhere than at the end and stray bits in the
// last character are refused, so that each value has one spelling.
std::optional<std::string> base64_decode(std::string_view text);

} // namespace rekey::protocol::auth
