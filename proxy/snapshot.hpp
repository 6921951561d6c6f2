// What the workers tell the control plane: plain copies, never a secret, never a query's text.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rekey::proxy {

enum class BackendState { connecting, idle, active, resetting, cancelling, closing };
inline constexpr std::array backend_state_names{"connecting", "idle", "active", "resetting", "cancelling", "closing"};

struct BackendRow {
    std::string upstream, pool, host; // pool: the backend class (PostgreSQL: the database)
    std::uint64_t id = 0, generation = 0;
    BackendState state = BackendState::idle;
    std::uint32_t process_id = 0;
    double age_seconds = 0, state_seconds = 0;
    bool tls = false;
    std::uint64_t client = 0; // 0: none
    std::uint64_t prepared_statements = 0;
};

struct ClientRow {
    std::uint64_t id = 0;
    std::string user, database, upstream, address, state; // state: login, idle, active, waiting
    double connected_seconds = 0, wait_seconds = 0;
    bool tls = false;
    std::uint64_t backend = 0;
    // Pinned sessions (SHOW WHY):
    std::string pinned;          // the reason; empty: not pinned
    double pinned_seconds = 0;
    std::string pinned_by;       // command tag, never the text
    std::string freed_by;        // what would free it
    std::uint64_t blocks_generation = 0; // the rotation it holds up; 0: none
};

struct PoolRow {
    std::string upstream, pool, mode;
    std::uint32_t size = 0, clients_active = 0, clients_waiting = 0, backends = 0, idle = 0, active = 0, connecting = 0;
    double longest_wait_seconds = 0;
    bool logins_paused = false;
    std::string last_error; // why the last login failed; empty when it succeeded
};

// Cumulative; bounds in seconds. The last bucket is +Inf.
struct WaitHistogram {
    static constexpr std::array<double, 12> bounds{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30};
    std::array<std::uint64_t, bounds.size() + 1> buckets{}; // not yet cumulated
    double sum = 0;
    std::uint64_t count = 0;
};

struct Snapshot {
    std::vector<PoolRow> pools;
    std::vector<BackendRow> backends;
    std::vector<ClientRow> clients;
    std::map<std::string, std::uint64_t> client_errors;   // by reason
    std::map<std::string, std::uint64_t> closes;          // by reason
    std::map<std::string, std::uint64_t> replacements;    // by result: replaced, surge_refused, failed
    std::map<std::string, std::uint64_t> pinned_sessions; // by reason
    std::map<std::string, std::uint64_t> limits_hit;      // by limit
    std::map<std::string, std::uint64_t> throttled;       // by what
    std::uint64_t client_connections = 0, transactions = 0, queries = 0, bytes_from_clients = 0, bytes_to_clients = 0;
    std::uint64_t auth_retries_saved = 0, logins_refused = 0, logins = 0, cancels = 0, probes = 0;
    WaitHistogram acquire_wait; // of those who acquired

    void merge(Snapshot&& other);
};

} // namespace rekey::proxy
