#pragma once

#include <string>

namespace rekey::proxy {

// The status for people, from /api/status's JSON.
std::string status_text(const std::string& json);

} // namespace rekey::proxy
