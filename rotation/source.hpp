// Where a credential comes from. One file per source in rotation/sources/.
#pragma once

#include "config/config.hpp"
#include "rotation/ports.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rekey::rotation {

// How long what a store made for us lives, from the moment it was asked for.
struct Lease {
    std::chrono::milliseconds life{0};
    bool renewable = false; // false: also when a renewal would bring nothing more
};

// What a source handed out, before it got a generation.
struct Fetched {
    std::string username;
    protocol::Secret password;
    std::string version; // opaque, never a secret, equal for equal content (a salted hash where the store has none)
    std::optional<std::chrono::system_clock::time_point> not_after;
    // When the source expects to have something newer; looked at by then even if the next poll is later.
    std::optional<std::chrono::milliseconds> look_again;
    std::optional<Lease> lease;                  // always, where Source::leases(); then `version` names it at the store
    std::shared_ptr<const LoginTokens> tokens{}; // instead of the password, which is empty then
    bool coming = false;   // of fetch_others(): a rotation is about to make it what fetch() hands out
    bool rotating = false; // the rotation that rotate() began goes on, and this is not what it brings
    Endpoint endpoint{};   // part of what `version` names
};

// Whether a store has a rotation of its own that can be triggered.
enum class Rotates {
    no,
    at_once, // the database has the new password when it is triggered, and the next fetch() hands it out
    in_time, // it goes on at the store: Fetched::rotating until fetch() hands out what it brings
};

// `error` says store, path, what happened and what to do; never a secret. Exactly one of the two is set.
struct FetchResult {
    std::optional<Fetched> credential;
    std::string error;
};

inline FetchResult failed_fetch(std::string error) {
    return {std::nullopt, std::move(error)};
}

struct Renewal {
    Lease lease;       // as it is now
    std::string error; // empty: renewed
    bool gone = false; // with `error`: the lease has ended, or cannot be renewed by us
};

class Source {
  public:
    virtual ~Source() = default;
    virtual std::string_view type() const = 0;
    // Single-flight is the caller's. The callback arrives on the control thread.
    virtual void fetch(std::function<void(FetchResult)> done) = 0;
    // Calls `changed` (on the control thread, debounced) when the store says that something changed. May never do so:
    // polling is the caller's. Ends with the source.
    virtual void watch(std::function<void()> changed) { (void)changed; }
    // Whether the store keeps other versions beside the one that fetch() hands out.
    virtual bool keeps_others() const { return false; }
    // These, likeliest first: the one that a rotation by somebody else is about to make the current one, and the one
    // before. For a server that refuses what fetch() hands out; never beside a fetch. None when they cannot be had.
    virtual void fetch_others(std::function<void(std::vector<Fetched>)> done) { (void)done; }
    virtual Rotates rotates() const { return Rotates::no; }
    // Triggers the store's rotation; `done` gets what went wrong, or nothing. Only where there is one; never beside a
    // fetch.
    virtual void rotate(std::function<void(std::string)> done) { (void)done; }
    // Whether every fetch() makes an account of its own, which ends with its lease: to be fetched once a generation,
    // renewed while it is in use, and revoked when it is not any more. The lease is named by Fetched::version.
    virtual bool leases() const { return false; }
    virtual void renew(const std::string& lease, std::function<void(Renewal)> done) { (void)lease, (void)done; }
    // `done` gets what went wrong, or nothing: it is gone, perhaps since long ago.
    virtual void revoke(const std::string& lease, std::function<void(std::string)> done) { (void)lease, (void)done; }
    // After failures in a row the store is asked once in a while only; until then every answer is the last failure.
    virtual bool breaker_open() const { return false; }
};

// Watches descriptors for the sources (inotify); implemented on the control thread's event loop, faked in tests.
class DescriptorWatcher {
  public:
    virtual ~DescriptorWatcher() = default;
    // Calls `readable` on the control thread whenever fd is readable, until unwatch(fd). Does not own fd.
    virtual void watch(int fd, std::function<void()> readable) = 0;
    virtual void unwatch(int fd) = 0;
};

// Null for `local` (the rotator reads the store).
//
// `version_key` keys the hash that names a credential where its source has no version: the store's, so that versions
// compare over restarts (read_or_make_key(store, "version-key", …)); empty: a random one for this source only.
std::unique_ptr<Source> make_source(const config::Credential& configuration, Environment& environment,
                                    DescriptorWatcher& watcher, LogSink log,
                                    const protocol::Secret& version_key = protocol::Secret());

// Overwrites and unsets the passwords of `env` sources, also in what /proc/PID/environ shows. The sources have read
// theirs when they were made: call it then, before there are other threads.
void forget_source_variables(const std::vector<config::Credential>& credentials);

} // namespace rekey::rotation
