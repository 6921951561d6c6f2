#include "proxy/admin/console_tables.hpp"

#include "proxy/admin/time_text.hpp"
#include "proxy/version.hpp"

#include <cmath>
#include <cstdio>

namespace rekey::proxy::admin {
namespace {

using enum ColumnType;
using Row = std::vector<std::optional<std::string>>;

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

std::string real_text(double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.3f", value);
    return text;
}

std::optional<std::string> or_null(const std::string& value) {
    return value.empty() ? std::nullopt : std::optional(value);
}
std::optional<std::string> or_null(std::uint64_t value) {
    return value == 0 ? std::nullopt : std::optional(number(value));
}
std::optional<std::string> or_null(const std::optional<std::chrono::system_clock::time_point>& time) {
    return time ? std::optional(utc_text(*time)) : std::nullopt;
}

ConsoleTable pools(const StatusReport& report) {
    ConsoleTable table{{{"upstream"},
                        {"database"},
                        {"pool_mode"},
                        {"cl_active", integer},
                        {"cl_waiting", integer},
                        {"sv_active", integer},
                        {"sv_idle", integer},
                        {"sv_login", integer},
                        {"pool_size", integer},
                        {"maxwait", integer},
                        {"maxwait_us", integer},
                        {"logins_paused"},
                        {"last_error"}},
                       {}};
    for (auto& pool : report.snapshot.pools) {
        auto seconds = std::floor(pool.longest_wait_seconds);
        auto micros = (pool.longest_wait_seconds - seconds) * 1e6;
        table.rows.push_back({pool.upstream, pool.pool, pool.mode, number(pool.clients_active),
                              number(pool.clients_waiting), number(pool.active), number(pool.idle),
                              number(pool.connecting), number(pool.size), number(static_cast<std::uint64_t>(seconds)),
                              number(static_cast<std::uint64_t>(micros)), pool.logins_paused ? "yes" : "no",
                              or_null(pool.last_error)});
    }
    return table;
}

ConsoleTable clients(const StatusReport& report) {
    ConsoleTable table{{{"type"},
                        {"user"},
                        {"database"},
                        {"state"},
                        {"addr"},
                        {"upstream"},
                        {"id", integer},
                        {"link", integer},
                        {"connected_seconds", real},
                        {"wait_seconds", real},
                        {"tls"},
                        {"pinned"}},
                       {}};
    for (auto& client : report.snapshot.clients)
        table.rows.push_back({"C", client.user, client.database, client.state, client.address, client.upstream,
                              number(client.id), or_null(client.backend), real_text(client.connected_seconds),
                              real_text(client.wait_seconds), client.tls ? "yes" : "no", or_null(client.pinned)});
    return table;
}

ConsoleTable servers(const StatusReport& report) {
    ConsoleTable table{{{"type"},
                        {"upstream"},
                        {"database"},
                        {"state"},
                        {"addr"},
                        {"generation", integer},
                        {"id", integer},
                        {"link", integer},
                        {"remote_pid", integer},
                        {"age_seconds", real},
                        {"state_seconds", real},
                        {"tls"},
                        {"prepared_statements", integer}},
                       {}};
    for (auto& backend : report.snapshot.backends)
        table.rows.push_back(
            {"S", backend.upstream, backend.pool, backend_state_names[static_cast<std::size_t>(backend.state)],
             backend.host, number(backend.generation), number(backend.id), or_null(backend.client),
             number(backend.process_id), real_text(backend.age_seconds), real_text(backend.state_seconds),
             backend.tls ? "yes" : "no", number(backend.prepared_statements)});
    return table;
}

ConsoleTable credentials(const StatusReport& report) {
    ConsoleTable table{{{"credential"},
                        {"source"},
                        {"strategy"},
                        {"state"},
                        {"generation", integer},
                        {"username"},
                        {"version"},
                        {"since"},
                        {"not_after"},
                        {"next_rotation"},
                        {"upstreams"},
                        {"reason"}},
                       {}};
    for (auto& [status, upstreams] : report.credentials) {
        std::string names;
        for (auto& name : upstreams)
            names += (names.empty() ? "" : ",") + name;
        table.rows.push_back({status.name, status.source, or_null(status.strategy),
                              std::string(to_string(status.state)), number(status.generation), or_null(status.username),
                              or_null(status.version), or_null(status.since), or_null(status.not_after),
                              or_null(status.next_rotation), or_null(names), or_null(status.reason)});
    }
    return table;
}

ConsoleTable rotations(const StatusReport& report) {
    ConsoleTable table{{{"credential"},
                        {"state"},
                        {"generation", integer},
                        {"replaced", integer},
                        {"old_left", integer},
                        {"pinned_left", integer},
                        {"fresh", integer},
                        {"done", integer},
                        {"held", integer},
                        {"rolled_back", integer},
                        {"failed", integer},
                        {"refused_logins", integer},
                        {"old_refused"},
                        {"last_success"},
                        {"reason"}},
                       {}};
    for (auto& credential : report.credentials) {
        auto& status = credential.rotator;
        table.rows.push_back(
            {status.name, std::string(to_string(status.state)), number(status.generation),
             number(status.progress.replaced), number(status.progress.old_left), number(status.progress.pinned_left),
             number(status.progress.fresh), number(status.rotations_done), number(status.rotations_held),
             number(status.rotations_rolled_back), number(status.rotations_failed), number(status.refused_logins),
             status.old_refused ? "yes" : "no", or_null(status.last_success), or_null(status.reason)});
    }
    return table;
}

ConsoleTable why(const StatusReport& report) {
    ConsoleTable table{{{"client", integer},
                        {"user"},
                        {"database"},
                        {"upstream"},
                        {"addr"},
                        {"reason"},
                        {"pinned_by"},
                        {"pinned_seconds", real},
                        {"freed_by"},
                        {"blocks_generation", integer}},
                       {}};
    for (auto& client : report.snapshot.clients) {
        if (!client.pinned.empty())
            table.rows.push_back({number(client.id), client.user, client.database, client.upstream, client.address,
                                  client.pinned, or_null(client.pinned_by), real_text(client.pinned_seconds),
                                  or_null(client.freed_by), or_null(client.blocks_generation)});
    }
    return table;
}

ConsoleTable stats(const StatusReport& report) {
    auto& snapshot = report.snapshot;
    return {{{"total_xact_count", integer},
             {"total_query_count", integer},
             {"total_received", integer},
             {"total_sent", integer},
             {"total_wait_time", integer},
             {"clients", integer},
             {"logins", integer},
             {"logins_refused", integer},
             {"auth_retries_saved", integer},
             {"cancels", integer},
             {"probes", integer},
             {"uptime_seconds", real}},
            {{number(snapshot.transactions), number(snapshot.queries), number(snapshot.bytes_from_clients),
              number(snapshot.bytes_to_clients), number(static_cast<std::uint64_t>(snapshot.acquire_wait.sum * 1e6)),
              number(snapshot.client_connections), number(snapshot.logins), number(snapshot.logins_refused),
              number(snapshot.auth_retries_saved), number(snapshot.cancels), number(snapshot.probes),
              real_text(std::chrono::duration<double>(report.now - report.started).count())}}};
}

} // namespace

ConsoleTable show_table(ShowWhat what, const StatusReport& report) {
    switch (what) {
    case ShowWhat::pools:
        return pools(report);
    case ShowWhat::clients:
        return clients(report);
    case ShowWhat::servers:
        return servers(report);
    case ShowWhat::credentials:
        return credentials(report);
    case ShowWhat::rotations:
        return rotations(report);
    case ShowWhat::why:
        return why(report);
    case ShowWhat::stats:
        return stats(report);
    case ShowWhat::help:
        return help_table();
    case ShowWhat::version:
        return version_table();
    case ShowWhat::config:
        return config_table({});
    }
    return {};
}

ConsoleTable help_table() {
    ConsoleTable table{{{"statement"}, {"meaning"}}, {}};
    for (auto& row : console_help())
        table.rows.push_back({std::string(row.statement), std::string(row.meaning)});
    return table;
}

ConsoleTable version_table() {
    return {{{"version"}}, {{"rekey " + std::string(version)}}};
}

ConsoleTable config_table(const std::vector<Setting>& settings) {
    ConsoleTable table{{{"key"}, {"value"}}, {}};
    for (auto& setting : settings)
        table.rows.push_back({setting.key, setting.value});
    return table;
}

} // namespace rekey::proxy::admin
