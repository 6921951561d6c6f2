// The server's side of one SCRAM exchange, messages only. RFC 5802, section 7; RFC 5929, section 4; PostgreSQL manual
// 55.3. The caller frames the messages, limits their length (1,024 bytes) and has chosen the mechanism.
#pragma once

#include "protocol/auth/scram.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

// Why an exchange ended. The texts are PostgreSQL's, and static.
struct ScramFault {
    std::string_view sqlstate, message, detail;
};

struct ScramServerOptions {
    ScramVerifier verifier;
    // The user may not log in whatever the proof says: the exchange runs to its end and then fails (the same steps
    // and the same work as for a wrong password).
    bool doomed = false;
    bool plus_chosen = false;   // the client chose SCRAM-SHA-256-PLUS
    std::string end_point_hash; // tls-server-end-point; empty: PLUS was not offered
    std::string nonce;          // ours, printable and without a comma
};

// A nonce as PostgreSQL makes it: 18 random bytes in base64.
std::string scram_nonce();

class ScramServer {
  public:
    explicit ScramServer(ScramServerOptions options);

    // client-first-message to server-first-message; absent: fault().
    std::optional<std::string> first(std::string_view message);
    // client-final-message to server-final-message; absent: a fault, or wrong_password().
    std::optional<std::string> final(std::string_view message);

    const ScramFault& fault() const { return fault_; }
    // The messages were in order and the proof was wrong (or the user doomed); there is no fault() then.
    bool wrong_password() const { return wrong_password_; }

  private:
    bool read_gs2_header(std::string_view& rest);
    bool read_client_first_bare(std::string_view rest);
    std::string expected_binding() const;
    bool proves_password(std::string_view proof, std::string_view auth_message) const;
    bool fail(std::string_view sqlstate, std::string_view message, std::string_view detail = {});
    bool malformed(std::string_view detail);

    ScramServerOptions options_;
    std::string gs2_header_, client_first_bare_, nonce_, server_first_;
    ScramFault fault_;
    bool wrong_password_ = false;
};

} // namespace rekey::protocol::auth
