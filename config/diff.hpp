// What a reload changes. Compares what load() recorded in Config::settings, so both must come from it.
#pragma once

#include "config/config.hpp"

#include <string>
#include <vector>

namespace rekey::config {

struct ListChange {
    std::vector<std::string> added, removed, changed; // names, in the order of the files
    bool any() const { return !added.empty() || !removed.empty() || !changed.empty(); }
};

struct Diff {
    ListChange listeners, users, credentials, upstreams;
    bool routes = false, limits = false, log = false;
    std::vector<std::string> changes; // `upstreams[orders].pool.size: 20 becomes 30`; never a secret
    std::vector<std::string> restart; // `listeners[pg].address needs a restart`; these are not among the changes
    bool any() const { return !changes.empty() || !restart.empty(); }
};

Diff diff(const Config& old, const Config& now);

// Gives `next` the running values of all that needs a restart, so that it says what is in force once the rest is
// taken over, and the next reload names again what still waits.
void keep_until_restart(const Config& running, Config& next);

} // namespace rekey::config
