#include "proxy/admin/status_json.hpp"

#include "proxy/admin/json_text.hpp"
#include "proxy/admin/time_text.hpp"
#include "proxy/version.hpp"

#include <boost/json.hpp>

namespace rekey::proxy::admin {
namespace {

namespace json = boost::json;

// Text that came from peers may not be UTF-8; JSON must be.
json::string text(std::string_view value) {
    auto literal = json_string(value);
    return json::parse(literal).as_string();
}

json::value time_or_null(const std::optional<std::chrono::system_clock::time_point>& time) {
    return time ? json::value(utc_text(*time)) : json::value(nullptr);
}

json::array texts(const std::vector<std::string>& values) {
    json::array out;
    for (auto& value : values)
        out.push_back(text(value));
    return out;
}

json::object counts(const std::map<std::string, std::uint64_t>& values) {
    json::object out;
    for (auto& [name, value] : values)
        out[name] = value;
    return out;
}

json::object credential_object(const CredentialReport& report) {
    auto& status = report.rotator;
    return {{"name", text(status.name)},
            {"source", status.source},
            {"strategy", status.strategy},
            {"state", to_string(status.state)},
            {"reason", text(status.reason)},
            {"generation", status.generation},
            {"username", text(status.username)},
            {"version", text(status.version)},
            {"since", time_or_null(status.since)},
            {"not_after", time_or_null(status.not_after)},
            {"next_rotation", time_or_null(status.next_rotation)},
            {"last_success", time_or_null(status.last_success)},
            {"upstreams", texts(report.upstreams)},
            {"progress",
             {{"replaced", status.progress.replaced},
              {"old_left", status.progress.old_left},
              {"pinned_left", status.progress.pinned_left},
              {"fresh", status.progress.fresh}}},
            {"rotations",
             {{"done", status.rotations_done},
              {"held", status.rotations_held},
              {"rolled_back", status.rotations_rolled_back},
              {"failed", status.rotations_failed}}},
            {"fetch_failures", status.fetch_failures},
            {"breaker_open", status.breaker_open},
            {"refused_logins", status.refused_logins},
            {"old_refused", status.old_refused}};
}

json::object pool_object(const PoolRow& pool) {
    return {{"upstream", text(pool.upstream)},
            {"pool", text(pool.pool)},
            {"mode", pool.mode},
            {"size", pool.size},
            {"clients_active", pool.clients_active},
            {"clients_waiting", pool.clients_waiting},
            {"backends", pool.backends},
            {"idle", pool.idle},
            {"active", pool.active},
            {"connecting", pool.connecting},
            {"longest_wait_seconds", pool.longest_wait_seconds},
            {"logins_paused", pool.logins_paused},
            {"last_error", text(pool.last_error)}};
}

json::array generations(const Snapshot& snapshot) {
    std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> backends;
    for (auto& row : snapshot.backends)
        ++backends[{row.upstream, row.generation}];
    json::array out;
    for (auto& [key, count] : backends)
        out.push_back(json::object{{"upstream", text(key.first)}, {"generation", key.second}, {"backends", count}});
    return out;
}

json::array pinned_sessions(const Snapshot& snapshot) {
    json::array out;
    for (auto& row : snapshot.clients) {
        if (row.pinned.empty())
            continue;
        out.push_back(json::object{{"client", row.id},
                                   {"user", text(row.user)},
                                   {"database", text(row.database)},
                                   {"upstream", text(row.upstream)},
                                   {"address", text(row.address)},
                                   {"reason", text(row.pinned)},
                                   {"seconds", row.pinned_seconds},
                                   {"by", text(row.pinned_by)},
                                   {"freed_by", text(row.freed_by)},
                                   {"blocks_generation", row.blocks_generation}});
    }
    return out;
}

json::object totals(const Snapshot& snapshot) {
    return {{"transactions", snapshot.transactions},
            {"queries", snapshot.queries},
            {"bytes_from_clients", snapshot.bytes_from_clients},
            {"bytes_to_clients", snapshot.bytes_to_clients},
            {"auth_retries_saved", snapshot.auth_retries_saved},
            {"logins", snapshot.logins},
            {"logins_refused", snapshot.logins_refused},
            {"cancels", snapshot.cancels},
            {"probes", snapshot.probes},
            {"client_errors", counts(snapshot.client_errors)},
            {"closes", counts(snapshot.closes)},
            {"replacements", counts(snapshot.replacements)},
            {"limits_hit", counts(snapshot.limits_hit)},
            {"throttled", counts(snapshot.throttled)}};
}

} // namespace

std::string status_json(const StatusReport& report) {
    json::array credentials, pools;
    for (auto& credential : report.credentials)
        credentials.push_back(credential_object(credential));
    for (auto& pool : report.snapshot.pools)
        pools.push_back(pool_object(pool));
    auto uptime = std::chrono::duration<double>(report.now - report.started).count();
    return json::serialize(json::object{{"version", version},
                                        {"started", utc_text(report.started)},
                                        {"uptime_seconds", uptime},
                                        {"ready", report.not_ready.empty()},
                                        {"not_ready", texts(report.not_ready)},
                                        {"shutting_down", report.shutting_down},
                                        {"warnings", texts(report.warnings)},
                                        {"client_connections", report.snapshot.client_connections},
                                        {"credentials", std::move(credentials)},
                                        {"pools", std::move(pools)},
                                        {"generations", generations(report.snapshot)},
                                        {"pinned_sessions", pinned_sessions(report.snapshot)},
                                        {"totals", totals(report.snapshot)}});
}

std::string rotate_json(const std::string& credential, const rotation::RotateReply& reply) {
    return json::serialize(json::object{{"credential", text(credential)},
                                        {"outcome", to_string(reply.outcome)},
                                        {"reason", text(reply.reason)},
                                        {"generation", reply.generation},
                                        {"plan", text(reply.plan)}});
}

std::string reload_json(const ReloadReply& reply) {
    return json::serialize(json::object{{"ok", reply.errors.empty()},
                                        {"errors", texts(reply.errors)},
                                        {"changes", texts(reply.changes)},
                                        {"needs_restart", texts(reply.needs_restart)}});
}

std::string error_json(std::string_view message) {
    return json::serialize(json::object{{"error", text(message)}});
}

} // namespace rekey::proxy::admin
