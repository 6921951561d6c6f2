// What operators can see and do, as the HTTP API and the console meet it. The application implements it; tests fake it.
//
// Control thread only. Callbacks arrive there, once, possibly from inside the call. Nothing here ever holds a secret.
#pragma once

#include "proxy/snapshot.hpp"
#include "rotation/rotator.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace rekey::proxy::admin {

struct CredentialReport {
    rotation::RotatorStatus rotator;
    std::vector<std::string> upstreams; // that log in with it
};

struct StatusReport {
    std::chrono::system_clock::time_point started, now;
    std::vector<std::string> not_ready; // one sentence each; empty: ready
    std::vector<std::string> warnings;  // of the configuration
    std::vector<CredentialReport> credentials;
    Snapshot snapshot;
    std::uint64_t log_dropped = 0, log_suppressed = 0;
    std::uint64_t reloads_done = 0, reloads_failed = 0;
    bool shutting_down = false;
};

struct ReloadReply {
    std::vector<std::string> errors;        // the file is wrong: nothing was changed
    std::vector<std::string> changes;       // what was applied, one sentence each
    std::vector<std::string> needs_restart; // changed in the file, still running with the old value
};

struct Setting {
    std::string key, value; // a secret's value is not shown
};

class ControlPlane {
  public:
    virtual ~ControlPlane() = default;
    virtual void status(std::function<void(StatusReport)> done) = 0;
    // One sentence for everything that is missing; empty: ready.
    virtual std::vector<std::string> not_ready() const = 0;
    virtual bool has_credential(const std::string& name) const = 0;
    // `name` exists. `done` comes when the rotation is over.
    virtual void rotate(const std::string& name, const rotation::RotateRequest& request,
                        std::function<void(rotation::RotateReply)> done) = 0;
    virtual void reload(std::function<void(ReloadReply)> done) = 0;
    virtual std::vector<Setting> settings() const = 0;
};

} // namespace rekey::proxy::admin
