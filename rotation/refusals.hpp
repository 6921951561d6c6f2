// What refused logins cost: they lock accounts, so a password that the server is known to refuse is not tried again,
// and one rotation spends at most three refused logins at a server.
#pragma once

#include "rotation/ports.hpp"

#include <map>
#include <optional>
#include <string>

namespace rekey::rotation {

class Condemned {
  public:
    // Without `until`: for as long as nothing forgives it.
    void add(const std::string& version, std::optional<Clock::time_point> until = std::nullopt) {
        if (versions_.size() >= most_remembered) {
            versions_.clear();
        }
        versions_.insert_or_assign(version, until);
    }
    bool holds(const std::string& version, Clock::time_point now) const {
        const auto found = versions_.find(version);
        return found != versions_.end() && (!found->second || *found->second > now);
    }
    void forgive(const std::string& version) { versions_.erase(version); }
    void forgive_all() { versions_.clear(); }

  private:
    static constexpr std::size_t most_remembered = 64; // a source that invents versions must not fill our memory
    std::map<std::string, std::optional<Clock::time_point>> versions_;
};

class RefusalBudget {
  public:
    // A login that is under way may be refused, too.
    class Attempt {
      public:
        explicit Attempt(RefusalBudget& budget) : budget_(budget) { ++budget_.under_way_; }
        Attempt(const Attempt&) = delete;
        Attempt& operator=(const Attempt&) = delete;
        ~Attempt() { --budget_.under_way_; }

      private:
        RefusalBudget& budget_;
    };

    void spend(const std::string& host, Clock::time_point now) {
        renew_if_quiet(now);
        ++hosts_[host];
        last_ = now;
    }
    // A pool saw one. It reports a generation once, but another login of it may have been under way.
    void spend_by_pool(Clock::time_point now) {
        renew_if_quiet(now);
        by_pools_ += 2;
        last_ = now;
    }
    bool left(Clock::time_point now) {
        renew_if_quiet(now);
        unsigned most = 0;
        for (const auto& [host, spent] : hosts_) {
            most = spent > most ? spent : most;
        }
        return most + by_pools_ + under_way_ < at_most;
    }
    // Something new is there to be tried: another rotation.
    void renew() {
        hosts_.clear();
        by_pools_ = 0;
    }

  private:
    void renew_if_quiet(Clock::time_point now) {
        if (now - last_ >= quiet) {
            renew();
        }
    }

    static constexpr unsigned at_most = 3;
    static constexpr std::chrono::seconds quiet{30};
    std::map<std::string, unsigned> hosts_;
    unsigned by_pools_ = 0, under_way_ = 0;
    Clock::time_point last_{};
};

} // namespace rekey::rotation
