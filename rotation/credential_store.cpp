#include "rotation/credential_store.hpp"

#include "rotation/ports.hpp"

#include <openssl/crypto.h>

namespace rekey::rotation {

std::string_view to_string(JournalStep step) {
    switch (step) {
    case JournalStep::none:
        return "none";
    case JournalStep::staged:
        return "staged";
    case JournalStep::altered:
        return "altered";
    case JournalStep::tested:
        return "tested";
    case JournalStep::promoted:
        return "promoted";
    case JournalStep::replaced:
        return "replaced";
    case JournalStep::proven:
        return "proven";
    }
    return "?";
}

std::string_view to_string(StoreError error) {
    switch (error) {
    case StoreError::none:
        return "none";
    case StoreError::conflict:
        return "conflict";
    case StoreError::unreadable:
        return "unreadable";
    case StoreError::unwritable:
        return "unwritable";
    case StoreError::wrong_key:
        return "wrong_key";
    case StoreError::locked:
        return "locked";
    }
    return "?";
}

StoredCredential StoredCredential::clone() const {
    StoredCredential copy;
    copy.username = username;
    copy.password = password.clone();
    copy.version = version;
    copy.not_after = not_after;
    copy.endpoint = endpoint;
    return copy;
}

namespace {

std::optional<StoredCredential> clone_of(const std::optional<StoredCredential>& credential) {
    if (!credential)
        return std::nullopt;
    return credential->clone();
}

} // namespace

StoreEntry StoreEntry::clone() const {
    StoreEntry copy;
    copy.sequence = sequence;
    copy.generation = generation;
    copy.current = clone_of(current);
    copy.pending = clone_of(pending);
    copy.previous = clone_of(previous);
    copy.step = step;
    copy.rotation_id = rotation_id;
    copy.next_rotation = next_rotation;
    copy.current_since = current_since;
    copy.retire_previous = retire_previous;
    return copy;
}

StoreError read_or_make_key(CredentialStore& store, std::string_view name, Environment& environment,
                            protocol::Secret& key) {
    std::optional<protocol::Secret> stored;
    if (auto error = store.read_value(name, stored); error != StoreError::none)
        return error;
    if (stored) {
        key = std::move(*stored);
        return StoreError::none;
    }
    unsigned char bytes[32];
    environment.random_bytes(bytes, sizeof bytes);
    protocol::Secret made(std::string_view(reinterpret_cast<const char*>(bytes), sizeof bytes));
    OPENSSL_cleanse(bytes, sizeof bytes);
    auto error = store.write_value(name, made);
    if (error == StoreError::none)
        key = std::move(made);
    return error;
}

} // namespace rekey::rotation
