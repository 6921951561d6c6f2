// The data plane: listeners, client sessions, pools and backends on the worker threads, seen from the control thread.
//
// All functions are called on the control thread; callbacks arrive there through the executor given at construction.
// Inside, each worker owns its sessions and pools outright and runs one epoll set; nothing is shared but counters and
// immutable values (configuration, credentials).
#pragma once

#include "config/config.hpp"
#include "proxy/mysql_servers.hpp"
#include "proxy/snapshot.hpp"
#include "rotation/ports.hpp"

#include <functional>
#include <memory>
#include <string>

namespace rekey::proxy {

// Runs a task on the control thread; callable from any thread.
using ControlExecutor = std::function<void(std::function<void()>)>;

struct DataPlaneOptions {
    config::ConfigPtr config;
    ControlExecutor control;
    rotation::LogSink log;                 // called from any thread
    protocol::Secret mock_secret;          // 32 bytes
    std::string self_signed_certificate;   // PEM certificate and key, for listeners with `prefer` and none configured
    // A pool's login was refused by the server (28P01, 28000): once per generation and pool, on the control thread.
    std::function<void(const std::string& credential, rotation::Generation, const std::string& reason)> refused;
    MysqlServerMap mysql_servers; // as they were before a restart
    // A MySQL upstream's server says something else of itself than was known; on the control thread.
    MysqlServers::Learnt server_learnt;
};

class DataPlane : public rotation::Prober, public rotation::Administrator, public rotation::Pools {
  public:
    static std::unique_ptr<DataPlane> make(DataPlaneOptions options);

    // Binds the listeners (throws std::runtime_error naming listener and address) and starts the workers. Clients
    // that arrive before a credential is published wait within their budget.
    virtual void start() = 0;
    // Takes over what changed; the caller has checked that nothing needs a restart. Unchanged upstreams keep every
    // backend and client. `changes`: one sentence each, for the log and `rekey reload`.
    virtual void apply(config::ConfigPtr config, std::function<void(std::vector<std::string> changes)> done) = 0;
    virtual void snapshot(std::function<void(Snapshot)> done) = 0;
    // Stops listening; idle clients get 57P01, transactions may finish until the deadline. `done` once all are gone.
    virtual void shutdown(rotation::Clock::duration timeout, std::function<void()> done) = 0;
    // At once.
    virtual void stop() = 0;
    // The port a listener is bound to (for port 0); 0 for unix sockets.
    virtual std::uint16_t port_of(const std::string& listener) const = 0;
};

} // namespace rekey::proxy
