// What the tests of BackendHandshake share: options of a login and a server's messages.
#pragma once

#include "protocol/postgres/backend_handshake.hpp"
#include "tests/unit/protocol/postgres_handshake/scripts.hpp"

#include <string>
#include <string_view>

namespace rekey::protocol::postgres::server {

using namespace std::string_literals;

inline const Secret password("pencil");
inline const std::string hash(32, 'h');
inline const std::string ok = authentication(0);
inline const std::string ready = message('Z', "I");
inline const std::string settings = message('S', text({"server_version", "15.8"})) +
                                    message('S', text({"TimeZone", ""})) + message('K', "\0\0\0\7abcd"s);

inline BackendHandshakeOptions options(TlsWish tls = TlsWish::none) {
    BackendHandshakeOptions made;
    made.user = "billing_b";
    made.database = "orders";
    made.password = &password;
    made.parameters = {{"role", "billing"}};
    made.tls = tls;
    return made;
}

inline const std::string login = startup({"user", "billing_b", "database", "orders", "role", "billing"});

inline std::string error(std::string_view sqlstate, std::string_view text = "no") {
    std::string bytes;
    error_response(bytes, "FATAL", sqlstate, text);
    return bytes;
}

} // namespace rekey::protocol::postgres::server
