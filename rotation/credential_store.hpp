// Rekey's own store: one directory, one process, encrypted at rest (AES-256-GCM, the key from the configuration).
//
// Holds, per credential: CURRENT, PENDING and PREVIOUS (rotation by Rekey), the last good credential (followed
// sources), the generation counter and the next rotation time; and process-wide secrets (mock salt, self-signed
// certificate). Every write is durable (temporary file, fsync, rename, fsync of the directory) before it returns, and
// compare-and-set on the entry's sequence number. Control thread only.
#pragma once

#include "protocol/common/secret.hpp"
#include "rotation/credential.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation {

struct StoredCredential {
    std::string username;
    protocol::Secret password;
    std::string version;
    std::optional<std::chrono::system_clock::time_point> not_after;
    Endpoint endpoint{};

    StoredCredential clone() const;
};

// Where a rotation stands, so that a crash at any step is recovered.
enum class JournalStep { none, staged, altered, tested, promoted, replaced, proven };
std::string_view to_string(JournalStep step);

struct StoreEntry {
    std::uint64_t sequence = 0;   // grows by one with every write; compare-and-set
    std::uint64_t generation = 0; // of `current`
    std::optional<StoredCredential> current, pending, previous;
    JournalStep step = JournalStep::none;
    std::string rotation_id; // of the rotation under way, for the audit log
    std::optional<std::chrono::system_clock::time_point> next_rotation, current_since;
    bool retire_previous = false; // previous must still be retired (password NULL, DISCARD) after the drain

    StoreEntry clone() const;
};

enum class StoreError { none, conflict, unreadable, unwritable, wrong_key, locked };
std::string_view to_string(StoreError error);

class CredentialStore {
  public:
    virtual ~CredentialStore() = default;
    // Absent: no entry yet.
    virtual StoreError read(std::string_view credential, std::optional<StoreEntry>& entry) = 0;
    // Writes `entry` with sequence + 1 if the stored sequence is still entry.sequence (0: no entry yet); then
    // entry.sequence is the new one.
    virtual StoreError write(std::string_view credential, StoreEntry& entry) = 0;
    // Named process-wide values: "mock-secret", "listener-certificate", …
    virtual StoreError read_value(std::string_view name, std::optional<protocol::Secret>& value) = 0;
    virtual StoreError write_value(std::string_view name, const protocol::Secret& value) = 0;
    // Path and reason of the last failure, for a log; never a secret. Empty while nothing has failed.
    virtual std::string message() const { return {}; }
};

class Environment; // rotation/ports.hpp

// The value called `name`, or 32 random bytes stored under it when there was none: the mock secret, the key of the
// sources' version hashes. `key` is set only when `none` is returned.
StoreError read_or_make_key(CredentialStore& store, std::string_view name, Environment& environment,
                            protocol::Secret& key);

// The directory store. Takes the lock (flock on <path>/lock); `locked` when another process has it. Makes the
// directory (0700) when missing. `message` says path and reason on failure.
std::unique_ptr<CredentialStore> open_directory_store(const std::string& path, const protocol::Secret& key,
                                                      StoreError& error, std::string& message);
// Keeps nothing over a restart: for configurations without `store`, and tests.
std::unique_ptr<CredentialStore> make_memory_store();

} // namespace rekey::rotation
