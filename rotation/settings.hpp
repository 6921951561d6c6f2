// One credential's configuration, copied and completed for the rotator.
#pragma once

#include "config/config.hpp"
#include "rotation/credential_store.hpp"
#include "rotation/ports.hpp"
#include "rotation/strategies/strategy.hpp"

#include <memory>
#include <optional>
#include <string>

namespace rekey::rotation {

struct Settings {
    std::string name, source, role;
    std::uint16_t port = 0; // the protocol's own
    std::chrono::milliseconds refresh, drain_deadline, replace_window;
    std::uint32_t surge = 1;
    ReplaceOptions::Pinned pinned = ReplaceOptions::Pinned::wait;

    // `local` only:
    std::unique_ptr<Strategy> strategy; // null: followed
    StoredCredential initial;
    std::chrono::milliseconds overlap{0};
    std::optional<std::chrono::milliseconds> every;
    std::optional<config::RotationWindow> window;
    std::string admin_credential; // the name of another credential, or
    CredentialPtr admin;          // its own login; neither: none

    explicit Settings(const config::Credential& configuration);
    bool has_admin() const { return admin || !admin_credential.empty(); }
};

} // namespace rekey::rotation
