// PostgreSQL's md5 method. Manual 55.2.1 (AuthenticationMD5Password); deprecated by PostgreSQL 18, never our default.
#pragma once

#include <string>
#include <string_view>

namespace rekey::protocol::auth {

// "md5" and the hash of password and user: what a server stores.
std::string md5_stored(std::string_view password, std::string_view user);
// What a client sends for a challenge; `stored` as of md5_stored().
std::string md5_response(std::string_view stored, std::string_view salt);

} // namespace rekey::protocol::auth
