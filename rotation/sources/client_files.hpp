// The files in which the databases' own clients find passwords. Pure; errors never hold a secret.
#pragma once

#include "rotation/source.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation {

// libpq's .pgpass: host:port:database:user:password, `*` for any, `\:` and `\\` for the characters themselves; the
// first line that matches counts. `user` empty: of the first line that names one. A host of `localhost` is a unix
// socket's, too.
FetchResult parse_passfile(std::string_view text, const config::PassfileQuery& query, const std::string& user);

// MySQL's option files: `user` and `password` in [client], the last of each; in quotes or not, with their escapes.
// !include and !includedir are refused, as what they name is not read.
FetchResult parse_option_file(std::string_view text, const std::string& user);

// Nothing but the password, with one newline at its end or none.
FetchResult lone_password(std::string_view text, const std::string& user);

} // namespace rekey::rotation
