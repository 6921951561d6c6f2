// A listening socket of the control thread (admin HTTP, console): TCP or unix.
#pragma once

#include "config/config.hpp"
#include "proxy/admin/control_loop.hpp"

#include <cstdint>
#include <functional>

namespace rekey::proxy::admin {

class ListeningSocket {
  public:
    // `accepted` owns the descriptor it is given (non-blocking, close-on-exec). Throws std::runtime_error naming
    // address and reason. A unix socket is made with mode 0600 over a stale one.
    ListeningSocket(ControlLoop& loop, const config::Address& address, std::function<void(int fd)> accepted);
    ~ListeningSocket();
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    // The bound port (for port 0); 0 for a unix socket.
    std::uint16_t port() const { return port_; }

  private:
    void open_tcp(const config::Address& address);
    void open_unix(const std::string& path);
    void accept_all();

    ControlLoop& loop_;
    std::function<void(int)> accepted_;
    std::string unix_path_;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::uint64_t retry_ = 0; // timer; 0: none
};

} // namespace rekey::proxy::admin
