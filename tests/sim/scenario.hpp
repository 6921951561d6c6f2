// One seed: a world drawn from it, faults for a while, then health, in which everything must come right by itself.
//
// Checked after every event (design, section 6): 1 nothing unverified is published; 2 a generation is one credential;
// 3 make before break and the limit; 4 what works is kept; 5 at most three refused logins, one fetch at a time; 6 no
// backend outlives its lease, and what nobody uses is revoked;
// 7 what the server accepts is in the store, and an unresolved PENDING is never thrown away.
#pragma once

#include "rotation/rotator.hpp"
#include "tests/sim/leases.hpp"
#include "tests/sim/loop.hpp"
#include "tests/sim/pools.hpp"
#include "tests/sim/ports.hpp"
#include "tests/sim/server.hpp"
#include "tests/sim/tally.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace rekey::sim {

enum class Kind { followed, single_user, alternating_users, leased };

// What dies in a crash.
struct Process {
    std::unique_ptr<SimProber> prober;
    std::unique_ptr<SimAdministrator> administrator;
    std::unique_ptr<SimStore> store;
    std::unique_ptr<SimPools> pools;
    std::unique_ptr<rotation::Rotator> rotator;
    std::map<std::uint64_t, std::string> published; // generation → version
    std::uint64_t asked = 0, answered = 0;
};

class Scenario {
  public:
    Scenario(std::uint64_t seed, Tally& tally, bool trace);
    ~Scenario();
    void run(); // throws Violation

  private:
    // scenario.cpp
    void configure();
    void boot();
    void crash(const std::string& where);
    void step();
    void run_until(Clock::time_point when);
    void check();
    void check_store() const;
    void on_publish(const rotation::CredentialPtr& credential);
    void heal();
    bool converged() const;
    std::string state() const;
    void trace(const std::string& text) const;

    // faults.cpp
    void plan_faults();
    void lost_for(bool& ability, Clock::duration time);
    void fault();
    void local_fault(std::uint64_t choice);
    void followed_fault(std::uint64_t choice);
    void leased_fault(std::uint64_t choice);
    bool by_rekey() const { return kind_ == Kind::single_user || kind_ == Kind::alternating_users; }
    void change_outside();
    std::string rotate_at_store();
    void server_down(Clock::duration length);
    void end_sessions();
    void ask();

    Loop loop_;
    Tally& tally_;
    bool trace_;
    Kind kind_;
    config::Credential configuration_;
    PoolPlan plan_;
    Server server_;
    Disk disk_;
    Vault vault_;
    Leases leases_;
    std::set<std::string> initial_; // users with the configured first password, until the store has an entry
    Process process_;
    Clock::time_point horizon_;
    std::uint64_t versions_ = 0;
    std::uint64_t highest_generation_ = 0;
    bool booted_ = false;
    bool changing_ = false; // an outside change is half done
};

} // namespace rekey::sim
