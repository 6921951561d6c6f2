// One credential's life: fetched or rotated, verified, published, replaced, proven, revoked.
//
//   idle → fetching → verifying → published → replacing → proving → revoking → idle
//   from any state: held (nothing changed, the last good credential serves) or rolled_back (publish undone)
//
// Event-driven, single-threaded (the control thread), no blocking call; time, randomness and the world come through
// the ports, so that the simulation can run it under seeds and kill it between any two steps.
#pragma once

#include "config/config.hpp"
#include "rotation/audit.hpp"
#include "rotation/credential_store.hpp"
#include "rotation/ports.hpp"
#include "rotation/source.hpp"

#include <functional>
#include <memory>
#include <string>

namespace rekey::rotation {

enum class RotationState { idle, fetching, verifying, published, replacing, proving, revoking, held, rolled_back };
std::string_view to_string(RotationState state);

enum class RotationOutcome { done, unchanged, held, rolled_back, superseded, failed };
std::string_view to_string(RotationOutcome outcome);

struct RotateRequest {
    bool dry_run = false;
    bool emergency = false;
    bool recover = false;
    std::optional<std::chrono::milliseconds> deadline; // emergency
};

struct RotateReply {
    RotationOutcome outcome = RotationOutcome::failed;
    std::string reason; // one sentence; empty when done
    std::uint64_t generation = 0;
    std::string plan;   // dry_run: what would be done, line by line
};

struct RotatorStatus {
    std::string name, source, strategy;
    RotationState state = RotationState::idle;
    std::string reason; // why held, rolled back or failing; empty when all is well
    std::uint64_t generation = 0;
    std::string username, version;
    std::optional<std::chrono::system_clock::time_point> since, not_after, next_rotation, last_success;
    ReplaceProgress progress;
    std::uint64_t rotations_done = 0, rotations_held = 0, rotations_rolled_back = 0, rotations_failed = 0;
    std::uint64_t fetch_failures = 0, refused_logins = 0;
    bool old_refused = false; // the last rotation proved it
    bool breaker_open = false; // the source is asked once in a while only
};

struct RotatorPorts {
    Environment* environment = nullptr;
    Prober* prober = nullptr;
    Administrator* administrator = nullptr;
    Pools* pools = nullptr;
    CredentialStore* store = nullptr;
    Audit* audit = nullptr;
    // The current credential of another name, for `admin: { credential: NAME }`; null when there is none.
    std::function<CredentialPtr(const std::string&)> current_of;
    // Makes what the server is given instead of a password; null: as the strategy says. The simulation has a cheap one.
    MakeVerifier verifier = nullptr;
    LogSink log;
};

class Rotator {
  public:
    virtual ~Rotator() = default;

    // Reads the store, recovers an interrupted rotation, finds and verifies a first credential, publishes it, and
    // goes on by itself (polling, `every`, pushes). `ready` is called once, at the first publication.
    virtual void start(std::function<void()> ready) = 0;
    // Joins a rotation that is under way. `done` is called when it is over, including replacement and proof.
    virtual void rotate(const RotateRequest& request, std::function<void(RotateReply)> done) = 0;
    // A pool saw the server refuse `generation`. Reports of one generation count as one.
    virtual void login_refused(Generation generation, const std::string& reason) = 0;
    // Some setting of this credential changed (poll interval, pinned policy, schedule, a re-read `initial`); what
    // needs a restart was refused before.
    virtual void reconfigure(const config::Credential& configuration) = 0;
    virtual CredentialPtr current() const = 0;
    virtual RotatorStatus status() const = 0;
    // No callback arrives afterwards; nothing half-done is undone (the journal has it).
    virtual void stop() = 0;
};

// `source` is null for `local`.
std::unique_ptr<Rotator> make_rotator(const config::Credential& configuration, std::unique_ptr<Source> source,
                                      const RotatorPorts& ports);

} // namespace rekey::rotation
