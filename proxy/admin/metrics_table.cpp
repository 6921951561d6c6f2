#include "proxy/admin/metrics.hpp"

#include <array>

namespace rekey::proxy::admin {
namespace {

using enum MetricKind;

constexpr std::array table{
    MetricDescription{"rekey_build_info", gauge, "version", "Always 1; which Rekey this is."},
    MetricDescription{"rekey_process_start_time_seconds", gauge, "", "When the process started, in Unix time."},
    MetricDescription{"rekey_ready", gauge, "", "1 when every credential an upstream uses has been published."},
    MetricDescription{
        "rekey_backend_connections", gauge, "upstream,generation,state",
        "Connections to database servers by the credential generation they logged in with. A generation's "
        "series go with its last backend."},
    MetricDescription{"rekey_pool_size", gauge, "upstream", "The limit of backends clients can use."},
    MetricDescription{"rekey_pool_clients_active", gauge, "upstream,pool", "Clients that hold a backend."},
    MetricDescription{"rekey_pool_clients_waiting", gauge, "upstream,pool", "Clients that wait for a backend."},
    MetricDescription{"rekey_pool_longest_wait_seconds", gauge, "upstream,pool",
                      "How long the client that waits longest has been waiting."},
    MetricDescription{
        "rekey_pool_logins_paused", gauge, "upstream,pool",
        "1 while no new login is tried because the server refused the credential or it is just changing."},
    MetricDescription{"rekey_client_connections", gauge, "", "Client connections, those that log in included."},
    MetricDescription{"rekey_client_errors_total", counter, "reason", "Errors that Rekey itself sent to clients."},
    MetricDescription{"rekey_closes_total", counter, "reason", "Connections closed, clients' and backends', by why."},
    MetricDescription{"rekey_limits_hit_total", counter, "limit", "How often a limit refused or ended something."},
    MetricDescription{"rekey_throttled_total", counter, "what", "How often something was delayed on purpose."},
    MetricDescription{"rekey_transactions_total", counter, "", "Transactions of clients that ended."},
    MetricDescription{"rekey_queries_total", counter, "", "Requests of clients that were answered."},
    MetricDescription{"rekey_client_bytes_received_total", counter, "", "Bytes read from clients."},
    MetricDescription{"rekey_client_bytes_sent_total", counter, "", "Bytes written to clients."},
    MetricDescription{"rekey_acquire_wait_seconds", histogram, "",
                      "How long clients that got a backend had waited for it."},
    MetricDescription{"rekey_sessions_pinned", gauge, "reason",
                      "Sessions that hold server-side state which cannot be moved."},
    MetricDescription{"rekey_backend_logins_total", counter, "", "Logins at database servers that were tried."},
    MetricDescription{"rekey_backend_logins_refused_total", counter, "",
                      "Logins at database servers that the server refused."},
    MetricDescription{"rekey_probes_total", counter, "", "Questions to a server about a session's state at release."},
    MetricDescription{"rekey_cancels_total", counter, "", "Cancel requests passed on to a server."},
    MetricDescription{"rekey_auth_retries_saved_total", counter, "",
                      "Clients that waited through a refused login and never saw it."},
    MetricDescription{"rekey_replacements_total", counter, "result",
                      "Backends replaced because of a newer credential, setting or age."},
    MetricDescription{"rekey_rotations_total", counter, "credential,result", "Rotations that ended."},
    MetricDescription{"rekey_rotation_state", gauge, "credential,state", "1 for the state a credential is in, else 0."},
    MetricDescription{"rekey_rotation_backends_left", gauge, "credential",
                      "Backends that still use an older generation."},
    MetricDescription{"rekey_rotation_last_success_timestamp_seconds", gauge, "credential",
                      "When a rotation last ended well, in Unix time; absent before the first."},
    MetricDescription{"rekey_credential_generation", gauge, "credential",
                      "The generation new backends log in with; 0 before the first."},
    MetricDescription{"rekey_credential_age_seconds", gauge, "credential", "Since when this generation is published."},
    MetricDescription{"rekey_credential_expires_seconds", gauge, "credential",
                      "Until the credential itself ends; negative when it is over, absent when it does not end."},
    MetricDescription{"rekey_credential_fetch_failures_total", counter, "credential",
                      "Fetches from the source that failed."},
    MetricDescription{"rekey_credential_breaker_open", gauge, "credential",
                      "1 while a source that failed again and again is asked once in a while only."},
    MetricDescription{"rekey_credential_refused_logins_total", counter, "credential",
                      "Logins with this credential, current or candidate, that a server refused."},
    MetricDescription{"rekey_reloads_total", counter, "result", "Reloads of the configuration."},
    MetricDescription{"rekey_log_lines_dropped_total", counter, "", "Log lines lost because stderr was too slow."},
    MetricDescription{"rekey_log_lines_suppressed_total", counter, "",
                      "Repetitions of a log line that were counted instead of written."},
};

constexpr std::string_view errors = "rekey_client_errors_total", closes = "rekey_closes_total",
                           limits = "rekey_limits_hit_total", throttled = "rekey_throttled_total",
                           pinned = "rekey_sessions_pinned", replacements = "rekey_replacements_total";

constexpr std::array known{
    KnownLabel{errors, "authentication_failed"},
    KnownLabel{errors, "backend_lost"},
    KnownLabel{errors, "cancel_key"},
    KnownLabel{errors, "cancelled_waiting"},
    KnownLabel{errors, "client_connections"},
    KnownLabel{errors, "max_connections"},
    KnownLabel{errors, "no_backend"},
    KnownLabel{errors, "no_route"},
    KnownLabel{errors, "protocol_violation"},
    KnownLabel{errors, "shutdown"},
    KnownLabel{errors, "startup_timeout"},
    KnownLabel{errors, "state_not_restored"},
    KnownLabel{errors, "tls_handshake"},
    KnownLabel{closes, "backend_lost"},
    KnownLabel{closes, "backend_lost_in_use"},
    KnownLabel{closes, "client_gone"},
    KnownLabel{closes, "client_terminated"},
    KnownLabel{closes, "idle_timeout"},
    KnownLabel{closes, "lifetime"},
    KnownLabel{closes, "replaced"},
    KnownLabel{limits, "client_connections"},
    KnownLabel{limits, "file_descriptors"},
    KnownLabel{limits, "max_connections"},
    KnownLabel{limits, "startup_timeout"},
    KnownLabel{limits, "wait_timeout"},
    KnownLabel{throttled, "wrong_password"},
    KnownLabel{pinned, "session_mode"},
    KnownLabel{pinned, "listen"},
    KnownLabel{pinned, "temp_object"},
    KnownLabel{pinned, "advisory_lock"},
    KnownLabel{pinned, "hold_cursor"},
    KnownLabel{pinned, "sql_prepare"},
    KnownLabel{pinned, "session_authorization"},
    KnownLabel{pinned, "custom_setting"},
    KnownLabel{pinned, "sequence_value"},
    KnownLabel{pinned, "loaded_library"},
    KnownLabel{pinned, "long_statement"},
    KnownLabel{pinned, "probe_failed"},
    KnownLabel{replacements, "replaced"},
    KnownLabel{replacements, "surge_refused"},
    KnownLabel{replacements, "failed"},
};

} // namespace

std::span<const KnownLabel> known_labels() {
    return known;
}

std::span<const MetricDescription> metric_table() {
    return table;
}

std::string_view to_string(MetricKind kind) {
    switch (kind) {
    case MetricKind::counter:
        return "counter";
    case MetricKind::gauge:
        return "gauge";
    case MetricKind::histogram:
        return "histogram";
    }
    return "gauge";
}

std::string metrics_markdown() {
    std::string out = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n";
    for (auto& metric : table) {
        out += "| `" + std::string(metric.name) + "` | " + std::string(to_string(metric.kind)) + " | ";
        out += metric.labels.empty() ? "" : "`" + std::string(metric.labels) + "`";
        out += " | " + std::string(metric.help) + " |\n";
    }
    return out;
}

} // namespace rekey::proxy::admin
