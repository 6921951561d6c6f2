// Entries for the tests of the stores.
#pragma once

#include "rotation/credential_store.hpp"

namespace rekey::tests {

inline rotation::StoredCredential stored(std::string username, std::string_view password) {
    rotation::StoredCredential credential;
    credential.username = std::move(username);
    credential.password = protocol::Secret(password);
    credential.version = "v-1";
    return credential;
}

inline rotation::StoreEntry full_entry() {
    using Time = std::chrono::system_clock::time_point;
    rotation::StoreEntry entry;
    entry.generation = 18446744073709551615u;
    entry.current = stored("orders", "the current password");
    entry.current->not_after = Time(std::chrono::nanoseconds(1'800'000'000'123'456'789));
    entry.current->endpoint = {{{"db.example.com", 5432, ""}, {"::1", 1, ""}}, "orders"};
    entry.pending = stored("orders_clone", std::string_view("nul\0 \xff\"\\\n", 9));
    entry.previous = stored("", "");
    entry.step = rotation::JournalStep::tested;
    entry.rotation_id = "r-17";
    entry.next_rotation = Time(std::chrono::seconds(1'900'000'000));
    entry.current_since = Time(std::chrono::milliseconds(-1));
    entry.retire_previous = true;
    return entry;
}

inline bool same(const std::optional<rotation::StoredCredential>& a,
                 const std::optional<rotation::StoredCredential>& b) {
    if (!a || !b)
        return a.has_value() == b.has_value();
    return a->username == b->username && a->password.reveal() == b->password.reveal() && a->version == b->version &&
           a->not_after == b->not_after && a->endpoint == b->endpoint;
}

inline bool same(const rotation::StoreEntry& a, const rotation::StoreEntry& b) {
    return a.sequence == b.sequence && a.generation == b.generation && same(a.current, b.current) &&
           same(a.pending, b.pending) && same(a.previous, b.previous) && a.step == b.step &&
           a.rotation_id == b.rotation_id && a.next_rotation == b.next_rotation && a.current_since == b.current_since &&
           a.retire_previous == b.retire_previous;
}

} // namespace rekey::tests
