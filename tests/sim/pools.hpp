// Fake pools: one pool of one upstream, driven by the real replacement plan, with clients that come and go.
#pragma once

#include "rotation/ports.hpp"
#include "rotation/rotation_plan.hpp"
#include "tests/sim/loop.hpp"
#include "tests/sim/server.hpp"
#include "tests/sim/tally.hpp"

#include <list>
#include <map>
#include <optional>
#include <vector>

namespace rekey::sim {

struct PoolPlan {
    std::uint32_t size = 5;
    std::uint32_t clients = 8;
    unsigned pinned_percent = 3;
    Clock::duration hold_least = 20ms, hold_most = 400ms;
};

class SimPools final : public rotation::Pools {
  public:
    SimPools(Loop& loop, Server& server, Tally& tally, const PoolPlan& plan);
    ~SimPools() override;

    void publish(rotation::CredentialPtr credential) override;
    void replace(const std::string& name, const rotation::ReplaceOptions& options,
                 std::function<void(rotation::ReplaceProgress)> progress) override;
    void pause_logins(const std::string& name) override;
    void resume_logins(const std::string& name) override;
    void withdraw(const std::string& name, Clock::time_point deadline) override;

    void start_clients();
    // The server ends every session.
    void server_ended_all();
    // Must 3, whatever just happened.
    void check() const;
    bool all_newest() const;
    bool paused() const { return paused_; }
    bool uses(const std::string& user) const; // an open backend has logged in as it

    std::function<void(const rotation::CredentialPtr&)> on_publish;
    std::function<void(rotation::Generation)> on_refused;
    std::uint64_t served = 0;

  private:
    enum class State { connecting, idle, busy, pinned };
    struct Backend {
        rotation::CredentialPtr credential; // captured before connecting (must 2)
        State state = State::connecting;
        bool replacement = false; // opened by the replacement, not by demand
        std::uint64_t id = 0;
    };
    using BackendIt = std::list<Backend>::iterator;

    std::uint32_t usable() const;
    bool ends(const Backend& backend) const;
    bool is_old(const Backend& backend) const { return backend.credential->generation < newest_->generation; }
    std::uint32_t count(bool old, State state) const;
    void open(bool replacement);
    void connected(std::uint64_t id);
    void drive();
    void serve();
    void release(std::uint64_t id);
    void close(BackendIt backend, bool by_replacement);
    BackendIt oldest_idle();
    BackendIt find(std::uint64_t id);
    void client_thinks();
    void client_wants();
    void report();
    void apply_policy();
    template <class Which> void close_all(Which which);
    rotation::ReplaceView view() const;

    Loop& loop_;
    Server& server_;
    Tally& tally_;
    PoolPlan plan_;
    rotation::CredentialPtr newest_;
    std::list<Backend> backends_;
    std::uint64_t last_id_ = 0, replacement_ = 0;
    std::uint32_t waiting_ = 0;
    bool paused_ = false, replacing_ = false, withdrawn_ = false;
    std::uint64_t withdrawal_ = 0;
    rotation::ReplaceOptions options_;
    rotation::ReplaceTally tally_of_plan_;
    std::function<void(rotation::ReplaceProgress)> progress_;
    std::uint32_t replaced_ = 0;
    std::uint32_t floor_ = 0;     // open when it began, less those that went by themselves
    std::uint32_t unslotted_ = 0; // opens that found no slot, each of which allows one to go first
    Clock::duration gap_{0};
    std::optional<Clock::time_point> last_open_, not_before_, asked_at_;
    rotation::Generation refused_{};
};

} // namespace rekey::sim
