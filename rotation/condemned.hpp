// Which passwords the server is known to refuse, by version: they are not tried there again, because refused logins
// lock accounts.
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

} // namespace rekey::rotation
