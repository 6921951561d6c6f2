// The ports through which rotation reaches the world. proxy/ implements them with the machines that serve clients;
// the simulation fakes them.
//
// All calls are made on the control thread and all callbacks arrive there, each exactly once and never from inside
// the call that started it. Time and randomness are inputs.
#pragma once

#include "rotation/credential.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation {

using Clock = std::chrono::steady_clock;

// What a login came to. Only `refused` condemns a credential.
enum class LoginResult {
    accepted,
    refused,      // 28P01, 28000; 1045, 1698, …
    no_database,  // 3D000, 1049: says nothing of the credential
    no_privilege, // 42501, 1044
    no_slot,      // 53300, 1040, 1203
    unavailable,  // no connection, time-out, 57P03, …: try again
};
std::string_view to_string(LoginResult result);

struct HostResult {
    std::string host;
    bool wanted = true; // a host that the upstream's `target` asks for
    LoginResult result = LoginResult::unavailable;
    std::string reason; // for a log: SQLSTATE and text, never a secret
};

// One entry per host of every upstream which uses the credential.
struct ProbeReport {
    std::vector<HostResult> hosts;
    std::string objection; // why no host was asked: the secret's endpoint does not go with the configuration

    // Accepted on every host that answered, one wanted host at least among them.
    bool verified() const;
    bool refused() const;       // some host condemned it
    std::string reason() const; // the first result that is not `accepted`, as "host: text"; empty when verified
};

class Prober {
  public:
    virtual ~Prober() = default;
    // Tries one real login (role, database, TLS as the pool would) on every host of the upstreams that use the
    // credential; ends each with a trivial statement. A refused host is not asked twice. Where an upstream has its
    // hosts from the credential, these are asked, whatever serves.
    // `keep` says that the first accepted connection may be kept to become the first new backend.
    virtual void probe(CredentialPtr credential, bool keep, std::function<void(ProbeReport)> done) = 0;
};

struct StatementResult {
    LoginResult login = LoginResult::unavailable; // accepted once it succeeded, whatever came later
    bool ok = false;                              // logged in and every statement succeeded
    std::string sqlstate;    // of the first failure; empty when the connection ended without an answer
    std::uint32_t error = 0; // of the same: the server's own number, where its protocol has one
    std::string reason;      // for a log; never a secret, never the statement
    std::vector<std::vector<std::string>> rows; // of the last statement; NULL is an empty string
};

// What a server is given instead of a password, made of it and of 16 random bytes. For a blocking thread.
using MakeVerifier = std::string (*)(std::string_view password, std::string_view salt);

// Runs statements on the primary host of the first upstream that uses the credential, over one connection that ends
// afterwards. Each statement is sent alone, as a simple query; the first that fails is the last that is sent. The text
// may hold verifiers, never a plaintext password.
class Administrator {
  public:
    virtual ~Administrator() = default;
    virtual void run(const std::string& credential_name, CredentialPtr login, std::vector<std::string> statements,
                     std::function<void(StatementResult)> done) = 0;
};

struct ReplaceOptions {
    std::uint32_t surge = 1;
    std::chrono::milliseconds window{1000};
    std::optional<Clock::time_point> deadline; // then `pinned` applies to whoever is left
    std::optional<Clock::time_point> gone_by;  // then every old backend closes, with a successor or without
    enum class Pinned { wait, close_at_transaction_end, close_now } pinned = Pinned::wait;
};

struct ReplaceProgress {
    std::uint32_t replaced = 0;    // old backends gone since this generation was published
    std::uint32_t old_left = 0;    // backends of an older generation
    std::uint32_t pinned_left = 0; // of these: held by a pinned session
    std::uint32_t fresh = 0;       // backends of the newest generation
};

// The pools, as rotation sees them.
class Pools {
  public:
    virtual ~Pools() = default;
    // From now on new backends log in with `credential`. Nothing is closed. Also lifts a pause.
    virtual void publish(CredentialPtr credential) = 0;
    // Makes before it breaks, one by one, until no older generation is left; a newer call supersedes. Progress is
    // reported a few times a second and once at the end (old_left == 0).
    virtual void replace(const std::string& credential_name, const ReplaceOptions& options,
                         std::function<void(ReplaceProgress)> progress) = 0;
    // No new login with this credential until publish() or resume(): between ALTER and publish with a single user,
    // and after the server refused it.
    virtual void pause_logins(const std::string& credential_name) = 0;
    virtual void resume_logins(const std::string& credential_name) = 0;
    // The credential ends, and there is no other one: no new login, and every backend closes at its next safe point, at
    // `deadline` wherever it is. Clients wait in their budget. Until publish().
    virtual void withdraw(const std::string& credential_name, Clock::time_point deadline) = 0;
};

// One timer service and one source of randomness for the whole control plane.
class Environment {
  public:
    virtual ~Environment() = default;
    virtual Clock::time_point now() const = 0;
    virtual std::chrono::system_clock::time_point wall_now() const = 0;
    // Uniform in [0, bound); for jitter, not for secrets.
    virtual std::uint64_t random(std::uint64_t bound) = 0;
    // For secrets.
    virtual void random_bytes(unsigned char* out, std::size_t size) = 0;
    // Calls `task` once on the control thread, not before `when`. The returned id cancels it.
    virtual std::uint64_t call_at(Clock::time_point when, std::function<void()> task) = 0;
    virtual void cancel(std::uint64_t id) = 0;
    // Runs blocking `work` (a file read, a child process) off the control thread, then `done` on it. The simulation
    // runs both in order.
    virtual void run_blocking(std::function<void()> work, std::function<void()> done) = 0;
    // The same for work that waits for a network, on threads of its own: a store that hangs must not hold files up.
    virtual void run_remote(std::function<void()> work, std::function<void()> done) {
        run_blocking(std::move(work), std::move(done));
    }
};

enum class LogLevel { debug, info, warn, error };
using LogSink = std::function<void(LogLevel, std::string_view)>; // rotation logs through this; event-style text

} // namespace rekey::rotation
