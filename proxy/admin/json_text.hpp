// A JSON string literal, quotes included. Bytes that are not valid UTF-8 become U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace rekey::proxy::admin {

std::string json_string(std::string_view text);

} // namespace rekey::proxy::admin
