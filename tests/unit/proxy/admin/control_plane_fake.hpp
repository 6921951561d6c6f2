// A control plane that answers with what a test put there and remembers what it was asked.
#pragma once

#include "proxy/admin/control_plane.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace rekey::proxy::admin {

class FakeControlPlane final : public ControlPlane {
  public:
    void status(std::function<void(StatusReport)> done) override {
        answer([this, done] { done(report); });
    }
    std::vector<std::string> not_ready() const override { return report.not_ready; }
    bool has_credential(const std::string& name) const override { return replies.contains(name); }
    void rotate(const std::string& name, const rotation::RotateRequest& request,
                std::function<void(rotation::RotateReply)> done) override {
        rotated.push_back(name);
        last_request = request;
        answer([this, name, done] { done(replies.at(name)); });
    }
    void reload(std::function<void(ReloadReply)> done) override {
        ++reloads;
        answer([this, done] { done(reload_reply); });
    }
    std::vector<Setting> settings() const override { return {{"workers", "1"}, {"store.key", "(secret)"}}; }

    // Answers wait for release() while `hold` is set.
    void release() {
        auto held = std::move(held_);
        held_.clear();
        for (auto& task : held)
            task();
    }

    StatusReport report;
    std::map<std::string, rotation::RotateReply> replies;
    ReloadReply reload_reply;
    std::vector<std::string> rotated;
    rotation::RotateRequest last_request;
    int reloads = 0;
    bool hold = false;

  private:
    void answer(std::function<void()> task) {
        if (hold)
            held_.push_back(std::move(task));
        else
            task();
    }
    std::vector<std::function<void()>> held_;
};

// One upstream with two generations, a waiting client, a pinned session, and a credential that was held.
inline StatusReport busy_report() {
    using namespace std::chrono_literals;
    StatusReport report;
    report.started = std::chrono::system_clock::time_point(1'700'000'000s);
    report.now = report.started + 90s;
    CredentialReport credential;
    auto& status = credential.rotator;
    status.name = "orders-app";
    status.source = "file";
    status.state = rotation::RotationState::replacing;
    status.generation = 3;
    status.username = "orders";
    status.version = "v3";
    status.since = report.now - 30s;
    status.not_after = report.now + 600s;
    status.last_success = report.started + 10s;
    status.progress = {2, 1, 1, 2};
    status.rotations_done = 2;
    status.rotations_held = 1;
    credential.upstreams = {"orders"};
    report.credentials.push_back(credential);

    auto& snapshot = report.snapshot;
    PoolRow pool;
    pool.upstream = "orders";
    pool.pool = "shop";
    pool.mode = "auto";
    pool.size = 20;
    pool.clients_active = 1;
    pool.clients_waiting = 2;
    pool.backends = 3;
    pool.idle = 2;
    pool.active = 1;
    pool.longest_wait_seconds = 1.25;
    snapshot.pools.push_back(pool);
    for (std::uint64_t id = 1; id <= 3; ++id) {
        BackendRow backend;
        backend.upstream = "orders";
        backend.pool = "shop";
        backend.host = "db1:5432";
        backend.id = id;
        backend.generation = id == 1 ? 2 : 3;
        backend.state = id == 1 ? BackendState::active : BackendState::idle;
        backend.process_id = 1000;
        backend.client = id == 1 ? 7 : 0;
        snapshot.backends.push_back(backend);
    }
    ClientRow client;
    client.id = 7;
    client.user = "app";
    client.database = "shop";
    client.upstream = "orders";
    client.address = "127.0.0.1:40000";
    client.state = "idle";
    client.backend = 1;
    client.pinned = "listen";
    client.pinned_seconds = 12.5;
    client.pinned_by = "LISTEN";
    client.freed_by = "UNLISTEN *";
    client.blocks_generation = 3;
    snapshot.clients.push_back(client);
    snapshot.client_connections = 3;
    snapshot.transactions = 500;
    snapshot.pinned_sessions = {{"listen", 1}};
    snapshot.client_errors = {{"wait_timeout", 4}};
    snapshot.closes = {{"client_left", 9}};
    snapshot.replacements = {{"replaced", 2}};
    snapshot.acquire_wait.buckets[0] = 5;
    snapshot.acquire_wait.buckets[3] = 2;
    snapshot.acquire_wait.buckets[WaitHistogram::bounds.size()] = 1;
    snapshot.acquire_wait.count = 8;
    snapshot.acquire_wait.sum = 41.5;
    return report;
}

} // namespace rekey::proxy::admin
