#include "rotation/ports.hpp"

#include <algorithm>

namespace rekey::rotation {

std::string_view to_string(LoginResult result) {
    switch (result) {
    case LoginResult::accepted:
        return "accepted";
    case LoginResult::refused:
        return "refused";
    case LoginResult::no_database:
        return "no_database";
    case LoginResult::no_privilege:
        return "no_privilege";
    case LoginResult::no_slot:
        return "no_slot";
    case LoginResult::unavailable:
        break;
    }
    return "unavailable";
}

bool ProbeReport::verified() const {
    bool wanted = false;
    if (!objection.empty()) {
        return false;
    }
    for (const HostResult& host : hosts) {
        const bool unreached = host.result == LoginResult::unavailable || host.result == LoginResult::no_slot;
        if (host.result != LoginResult::accepted && !unreached) {
            return false;
        }
        wanted = wanted || (host.wanted && host.result == LoginResult::accepted);
    }
    return wanted;
}

bool ProbeReport::refused() const {
    return std::any_of(hosts.begin(), hosts.end(),
                       [](const HostResult& host) { return host.result == LoginResult::refused; });
}

std::string ProbeReport::reason() const {
    if (verified()) {
        return {};
    }
    if (!objection.empty()) {
        return objection;
    }
    for (const HostResult& host : hosts) {
        if (host.result != LoginResult::accepted) {
            return host.host + ": " + (host.reason.empty() ? std::string(to_string(host.result)) : host.reason);
        }
    }
    return hosts.empty() ? "no upstream uses this credential" : "no host that `target` asks for answered";
}

} // namespace rekey::rotation
