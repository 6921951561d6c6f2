// A data plane and rotators that do nothing but answer, for the application's tests. Control thread only.
#pragma once

#include "proxy/data_plane.hpp"
#include "rotation/rotator.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rekey::proxy {

struct DataPlaneLog {
    DataPlaneOptions options;
    std::vector<config::ConfigPtr> applied;
    std::function<void()> shutdown_done; // the test calls it
    bool started = false, stopped = false;
    bool fail_to_start = false;
    Snapshot snapshot;
};

class FakeDataPlane final : public DataPlane {
  public:
    explicit FakeDataPlane(DataPlaneLog& log) : log_(log) {}
    void start() override {
        if (log_.fail_to_start)
            throw std::runtime_error("listener pg: 127.0.0.1:6432: Address already in use");
        log_.started = true;
    }
    void apply(config::ConfigPtr config, std::function<void(std::vector<std::string>)> done) override {
        log_.applied.push_back(config);
        log_.options.control([done] { done({}); });
    }
    void snapshot(std::function<void(Snapshot)> done) override {
        log_.options.control([this, done] { done(log_.snapshot); });
    }
    void shutdown(rotation::Clock::duration, std::function<void()> done) override {
        log_.shutdown_done = std::move(done);
    }
    void stop() override { log_.stopped = true; }
    std::uint16_t port_of(const std::string&) const override { return 6432; }

    void probe(rotation::CredentialPtr, bool, std::function<void(rotation::ProbeReport)>) override {}
    void run(const std::string&, rotation::CredentialPtr, std::vector<std::string>,
             std::function<void(rotation::StatementResult)>) override {}
    void publish(rotation::CredentialPtr) override {}
    void replace(const std::string&, const rotation::ReplaceOptions&,
                 std::function<void(rotation::ReplaceProgress)>) override {}
    void pause_logins(const std::string&) override {}
    void resume_logins(const std::string&) override {}
    void withdraw(const std::string&, rotation::Clock::time_point) override {}

  private:
    DataPlaneLog& log_;
};

struct RotatorLog {
    rotation::RotatorPorts ports;
    std::function<void()> ready;
    rotation::CredentialPtr current;
    rotation::RotatorStatus status;
    rotation::RotateReply reply;
    std::vector<rotation::RotateRequest> requests;
    std::vector<std::uint64_t> refused;
    int started = 0, reconfigured = 0, stopped = 0;
    bool had_source = false;
};
using RotatorLogs = std::map<std::string, RotatorLog>;

class FakeRotator final : public rotation::Rotator {
  public:
    explicit FakeRotator(RotatorLog& log) : log_(log) {}
    void start(std::function<void()> ready) override {
        ++log_.started;
        log_.ready = std::move(ready);
    }
    void rotate(const rotation::RotateRequest& request, std::function<void(rotation::RotateReply)> done) override {
        log_.requests.push_back(request);
        done(log_.reply);
    }
    void login_refused(rotation::Generation generation, const std::string&) override {
        log_.refused.push_back(generation.value);
    }
    void reconfigure(const config::Credential&) override { ++log_.reconfigured; }
    rotation::CredentialPtr current() const override { return log_.current; }
    rotation::RotatorStatus status() const override { return log_.status; }
    void stop() override { ++log_.stopped; }

  private:
    RotatorLog& log_;
};

} // namespace rekey::proxy
