// SASLprep, RFC 4013, as PostgreSQL applies it to passwords before SCRAM (its saslprep.c is the measure, also where it
// differs from the RFC: pure ASCII passes unchanged, and what is prohibited is looked for before normalising).
// Covers all of Unicode 3.2, which is what the RFC defines it for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

// The prepared password; absent where SASLprep refuses it (not UTF-8, a prohibited or unassigned code point, mixed
// directions, nothing left). PostgreSQL uses such a password's bytes as they are, and so do the callers. The caller
// cleanses the result; what was needed in between is cleansed.
std::optional<std::string> saslprep(std::string_view password);

} // namespace rekey::protocol::auth
