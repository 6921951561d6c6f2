// What the tests of ClientHandshake share: a login, options and records.
#pragma once

#include "tests/unit/protocol/postgres_handshake/scripts.hpp"

#include <string>
#include <string_view>

namespace rekey::protocol::postgres {

inline const std::string mock_secret(32, 'm');
inline const std::string hash(32, 'h');
inline const std::string login = startup({"user", "app", "database", "orders"});

inline const std::string ssl = packet(ssl_request_code);
inline const std::string gss = packet(gss_encryption_request_code);

inline ClientHandshakeOptions options() {
    ClientHandshakeOptions made;
    made.mock_secret = mock_secret;
    made.mock_iterations = 2;
    return made;
}

inline ClientHandshakeOptions tls_options(bool required = false) {
    auto made = options();
    made.tls_offered = true;
    made.tls_required = required;
    return made;
}

inline UserRecord record(std::string_view password = "pencil") {
    UserRecord made;
    made.scram = auth::scram_verifier(password, "0123456789abcdef", 2);
    return made;
}

inline UserRecord md5_record() {
    UserRecord made;
    made.password = Secret("pencil");
    made.allow_scram = false;
    made.allow_md5 = true;
    return made;
}

// What a client is told when its handshake fails.
struct Failed {
    ClientFailure failure;
    Error error;
    std::string output;
};

inline Failed failed(ClientHandshake& machine) {
    auto output = machine.take_output();
    return {machine.failure(), last_error(output), output};
}

} // namespace rekey::protocol::postgres
