// The console's server: connections of psql on admin.console, on the control thread.
#pragma once

#include "protocol/common/secret.hpp"
#include "proxy/admin/console_session.hpp"
#include "proxy/admin/listening_socket.hpp"

#include <chrono>
#include <memory>

namespace rekey::proxy::admin {

struct ConsoleLimits {
    std::uint32_t connections = 32; // one more is closed at once
    std::chrono::milliseconds login_time{15000};
};

class Console {
  public:
    // Derives the verifier of the token (PBKDF2, a few milliseconds). Throws std::runtime_error when the address
    // cannot be bound. `control` outlives it.
    Console(ControlLoop& loop, const config::Address& address, ControlPlane& control, const protocol::Secret& token,
            ConsoleLimits limits = {});
    ~Console(); // closes every connection
    std::uint16_t port() const { return listening_.port(); }

    struct Shared;

  private:
    void accepted(int fd);

    ControlLoop& loop_;
    std::shared_ptr<Shared> shared_;
    ListeningSocket listening_;
};

} // namespace rekey::proxy::admin
