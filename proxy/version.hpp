#pragma once

#include <string_view>

namespace rekey::proxy {

inline constexpr std::string_view version = "0.1.0";

} // namespace rekey::proxy
