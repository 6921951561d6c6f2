// SASLprep, RFC 4013, as PostgreSQL applies it to passwords before SCRAM.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

// The prepared password; absent where SASLprep refuses it (not UTF-8, a prohibited or unassigned code point, mixed
// directions, nothing left). PostgreSQL uses such a password's bytes as they are, and so do the callers.
std::optional<std::string> saslprep(std::string_view password);

} // namespace rekey::protocol::auth
