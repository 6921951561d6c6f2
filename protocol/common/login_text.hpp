// Texts of a login upstream, whatever the protocol: what may be sent, and what of a server's words may be logged.
#pragma once

#include "protocol/common/secret.hpp"

#include <string>
#include <string_view>

namespace rekey::protocol {

// What no message can carry; it comes from a file or a secret store, so it is not ours to assert. Empty: all is well.
// `password` may be null.
std::string_view unsendable_login(std::string_view user, std::string_view database, const Secret* password);

// Five digits and capitals.
bool is_sqlstate(std::string_view text);

// For a log: at most 300 bytes, control characters as blanks.
std::string printable_reason(std::string_view reason);

// A server that repeats the password in its error must not get it into our log. `password` may be null.
std::string reason_without(const Secret* password, std::string_view message);

} // namespace rekey::protocol
