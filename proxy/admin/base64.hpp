#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rekey::proxy::admin {

// RFC 4648 section 4, padded. Absent when the text is not base64.
std::optional<std::string> base64_decoded(std::string_view text);
std::string base64_encoded(std::string_view bytes);

} // namespace rekey::proxy::admin
