// A store that makes an account at the server for everybody who asks, and drops it with its lease.
#pragma once

#include "rotation/source.hpp"
#include "tests/sim/loop.hpp"
#include "tests/sim/server.hpp"
#include "tests/sim/tally.hpp"

#include <functional>
#include <map>
#include <string>

namespace rekey::sim {

class Leases {
  public:
    Leases(Loop& loop, Server& server, Tally& tally) : loop_(loop), server_(server), tally_(tally) {}

    struct Lease {
        std::string user, password;
        Clock::time_point end, last_end; // renewals reach no further than the latter
    };
    // What asks gets an answer, or null: the store is away.
    const std::pair<const std::string, Lease>* grant();
    enum class Renewed { well, gone, unanswered };
    Renewed renew(const std::string& name, Clock::duration& life);
    bool revoke(const std::string& name); // false: unanswered
    void revoke_all();                    // somebody else does
    std::size_t alive() const { return leases_.size(); }

    bool reachable = true;
    Clock::duration life{10s}, longest{60s};
    std::function<void(const std::string& user)> ended; // by itself: nobody may be on it any more

  private:
    void watch(const std::string& name);
    void drop(const std::string& name);

    Loop& loop_;
    Server& server_;
    Tally& tally_;
    std::map<std::string, Lease> leases_;
    std::uint64_t number_ = 0;
};

class LeasedSource final : public rotation::Source {
  public:
    LeasedSource(Loop& loop, Leases& leases) : loop_(loop), leases_(leases) {}
    std::string_view type() const override { return "vault"; }
    bool leases() const override { return true; }
    void fetch(std::function<void(rotation::FetchResult)> done) override;
    void renew(const std::string& lease, std::function<void(rotation::Renewal)> done) override;
    void revoke(const std::string& lease, std::function<void(std::string)> done) override;

  private:
    Loop& loop_;
    Leases& leases_;
    bool fetching_ = false;
};

} // namespace rekey::sim
