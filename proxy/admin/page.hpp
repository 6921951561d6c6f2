#pragma once

#include <string_view>

namespace rekey::proxy::admin {

// The web page: one HTML document that polls /api/status and loads nothing else.
std::string_view page_html();

} // namespace rekey::proxy::admin
