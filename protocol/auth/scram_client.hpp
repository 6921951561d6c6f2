// The client's side of one SCRAM exchange, messages only. RFC 5802, section 7; RFC 5929, section 4; PostgreSQL manual
// 55.3. The caller frames the messages, computes the keys between them and gives up at the first false.
#pragma once

#include "protocol/auth/scram.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

enum class ScramBinding {
    none,        // n: this connection cannot bind
    not_offered, // y: we can, and the server did not offer it; it notices if that is not what it said
    end_point,   // p=tls-server-end-point
};

class ScramClient {
  public:
    // `end_point_hash` is used with ScramBinding::end_point only; `nonce` is fresh, printable, without a comma.
    ScramClient(ScramBinding binding, std::string end_point_hash, std::string nonce);

    std::string first() const;
    // server-first-message; then salt() and iterations() say what to derive. False: malformed, a nonce that is not
    // ours made longer, or more than `iterations_max` (a server could keep us busy for hours, CVE-2026-6669).
    bool server_first(std::string_view message, std::uint32_t iterations_max);
    std::string_view salt() const { return salt_; }
    std::uint32_t iterations() const { return iterations_; }
    std::string final(const ScramKeys& keys);
    // server-final-message; true if the server knows the password, too.
    bool server_final(std::string_view message) const;

  private:
    std::string gs2_header() const;

    ScramBinding binding_;
    std::string end_point_hash_, nonce_, server_first_, salt_;
    std::uint32_t iterations_ = 0;
    Digest server_signature_{};
};

} // namespace rekey::protocol::auth
