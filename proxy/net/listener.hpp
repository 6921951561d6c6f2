// A listening socket. Bound on the control thread, so that a failure is the caller's to report; served by one worker.
#pragma once

#include "config/config.hpp"
#include "proxy/net/event_loop.hpp"

#include <cstdint>
#include <string>

namespace rekey::proxy {

class Worker;

class Listener final : public net::EventHandler {
  public:
    // Throws std::runtime_error naming listener and address.
    explicit Listener(const config::Listener& configuration);
    ~Listener() override;

    void serve(Worker& worker); // on the worker's thread
    void close();
    std::uint16_t port() const { return port_; } // 0 for a unix socket
    const std::string& name() const { return configuration_.name; }

  private:
    void on_event(std::uint32_t events) override;

    config::Listener configuration_;
    Worker* worker_ = nullptr;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::uint64_t retry_ = 0; // while there are no descriptors left
};

} // namespace rekey::proxy
