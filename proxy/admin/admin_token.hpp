// The token that changing calls and the console need.
#pragma once

#include "protocol/common/secret.hpp"

#include <string>

namespace rekey::proxy::admin {

// The token in the file at `path`; made there (0600, 43 random characters) when the file does not exist. Throws
// std::runtime_error naming path and reason.
protocol::Secret load_or_make_token(const std::string& path);
// Empty when the file cannot be read; for the commands.
protocol::Secret read_token(const std::string& path);

} // namespace rekey::proxy::admin
