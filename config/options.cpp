#include "config/options.hpp"

#include "config/scalars.hpp"
#include "config/source_options.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

using enum Type;
using enum Apply;

const std::vector<Option> table{
    {"include", texts, "", "", live, "files whose content is added to this one; glob patterns, relative to this file"},
    {"workers", threads, "1", "1..256", restart, "threads that serve clients; `auto` is one per core"},

    {"listeners", named_list, "(one named `postgres`)", "", restart, "where clients connect"},
    {"listeners[].name", name, "(required)", "", live, "what routes call it"},
    {"listeners[].protocol", choice, "postgres", "postgres|mysql", restart, "what clients speak there"},
    {"listeners[].address", address, "127.0.0.1:6432", "", restart,
     "host:port, [v6]:port or unix:/path; port 0 takes a free one"},
    {"listeners[].tls", section, "", "", live, "TLS towards clients"},
    {"listeners[].tls.mode", choice, "prefer", "disable|prefer|require|verify", live,
     "`verify` requires a client certificate"},
    {"listeners[].tls.certificate", readable_path, "(self-signed, with `prefer`)", "", live,
     "PEM file with the certificate and its chain"},
    {"listeners[].tls.key", readable_path, "", "", live, "PEM file with the certificate's private key"},
    {"listeners[].tls.client_ca", readable_path, "", "", live,
     "PEM file with the authorities that client certificates must come from"},
    {"listeners[].server_version", text, "(that of the first upstream of its routes)", "", restart,
     "what the greeting calls the server, which speaks before the route is known", "protocol=mysql"},
    {"listeners[].charset", text, "(that of the first upstream of its routes)", "", restart,
     "the character set or collation of the greeting", "protocol=mysql"},
    {"listeners[].compression", boolean, "true", "", restart,
     "whether clients may compress what they send and get, by zlib and Zstandard", "protocol=mysql"},

    {"users", named_list, "", "", live, "the stable local identities of clients; a rotation never changes them"},
    {"users[].name", name, "(required)", "", live, "the name clients log in with"},
    {"users[].password", user_password, "", "", live, "what clients prove; may be missing with `methods: [cert]`"},
    {"users[].allow", networks, "127.0.0.0/8, ::1/128, unix", "", live,
     "networks the user may connect from; `unix` is unix sockets"},
    {"users[].methods", choices, "(the strongest)",
     "scram-sha-256|md5|cert|caching_sha2_password|mysql_native_password|client_ed25519|mysql_clear_password", live,
     "how the user may authenticate"},
    {"users[].max_connections", integer, "0", "0..1000000", live, "client connections of this user; 0 is no limit"},

    {"credentials", named_list, "", "", live, "what Rekey logs in with upstream"},
    {"credentials[].name", name, "(required)", "", live, "what upstreams and commands call it"},
    {"credentials[].source", section, "(required)", "", live, "where the credential comes from"},
    {"credentials[].refresh", duration, "5s", "100ms..7d", live,
     "how often the source is polled, besides what it pushes; 30s by default for stores over a "
     "network, 60s for `aliyun_kms`"},
    {"credentials[].drain_deadline", duration, "5m", "0s..7d", live,
     "how long a rotation waits for pinned sessions before `pinned` applies"},
    {"credentials[].pinned", choice, "wait", "wait|close_at_transaction_end|close_now", live,
     "what happens to sessions still pinned then; close_at_transaction_end by default for leased credentials"},
    {"credentials[].replace", section, "", "", live, "how backends are replaced in a rotation"},
    {"credentials[].replace.surge", integer, "1", "0..100", live,
     "backends above the pool's size while replacing; 0 closes one before opening one"},
    {"credentials[].replace.window", duration, "1s", "0s..1h", live,
     "the time in which all are replaced, about; up to half as long again while clients wait for a backend"},
    {"credentials[].role", name, "(`rotation.users[0]` with alternating_users)", "", replacement,
     "PostgreSQL role every backend takes; keeps current_user and ownership when the login role changes"},
    {"credentials[].rotation", optional_section, "", "", live, "rotation by Rekey itself; for `local` sources"},
    {"credentials[].rotation.strategy", choice, "alternating_users", "single_user|alternating_users|dual_password",
     restart, "how the old credential gives way to the new one; `dual_password` is MySQL's and its default"},
    {"credentials[].rotation.users", texts, "(the initial user and NAME_clone)", "", restart,
     "the two login roles, in turn", "strategy=alternating_users"},
    {"credentials[].rotation.overlap", duration, "0s", "0s..30d", live,
     "how long the retired password stays valid after everything left it"},
    {"credentials[].rotation.every", duration, "(on request only)", "1s..3650d", live, "time between rotations"},
    {"credentials[].rotation.window", window, "", "", live,
     "time of day for scheduled rotations, like `02:00-04:00 UTC`"},
    {"credentials[].rotation.admin", optional_section, "", "", live,
     "who may change the password; with single_user the role may change its own, but for MySQL's"},
    {"credentials[].rotation.admin.username", name, "", "", live, "the administrator's login role"},
    {"credentials[].rotation.admin.password", secret, "", "", live, "its password"},
    {"credentials[].rotation.admin.credential", text, "", "", live,
     "or the name of another credential, which may rotate too"},

    {"upstreams", named_list, "", "", live, "database servers with their pools"},
    {"upstreams[].name", name, "(required)", "", live, "what routes call it"},
    {"upstreams[].protocol", choice, "postgres", "postgres|mysql", restart,
     "what the servers speak; `mysql` is MariaDB, too"},
    {"upstreams[].hosts", addresses, "", "", replacement,
     "the servers, host:port, [v6]:port or unix:/path; or `from_credential`: those that its secret names"},
    {"upstreams[].uri", uri, "", "", replacement, "or all in one: postgresql://host:port/database?sslmode=verify-full"},
    {"upstreams[].database", text, "", "", live, "for verifying a credential where the routes name no database"},
    {"upstreams[].target", choice, "primary", "primary|standby|any", replacement, "which of the hosts serve clients"},
    {"upstreams[].tls", section, "", "", replacement, "TLS towards the servers"},
    {"upstreams[].tls.mode", choice, "(verify-full; prefer for loopback and unix)",
     "disable|prefer|require|verify-ca|verify-full", replacement, "as libpq's sslmode"},
    {"upstreams[].tls.ca", readable_path, "(the system's)", "", replacement,
     "PEM file with the authorities that server certificates must come from"},
    {"upstreams[].tls.negotiation", choice, "postgres", "postgres|direct", replacement,
     "`direct` starts TLS without asking (PostgreSQL 17 and newer)"},
    {"upstreams[].credential", text, "(required)", "", replacement, "the credential's name"},
    {"upstreams[].connect_timeout", duration, "5s", "100ms..5m", live, "for TCP, TLS and login of one backend"},
    {"upstreams[].pool", section, "", "", live, "how its backends are shared"},
    {"upstreams[].pool.mode", choice, "auto", "auto|session|transaction|statement", live,
     "for how long a client holds a backend"},
    {"upstreams[].pool.size", integer, "20", "1..100000", live,
     "backends that clients can use, over all databases of the upstream"},
    {"upstreams[].pool.min", integer, "0", "0..100000", live, "backends kept open when idle"},
    {"upstreams[].pool.wait_timeout", duration, "30s", "1ms..24h", live, "how long a client waits for a backend"},
    {"upstreams[].pool.idle_timeout", duration, "10m", "100ms..30d", live,
     "after which an idle backend above `min` is closed"},
    {"upstreams[].pool.max_lifetime", duration, "1h", "100ms..365d", live,
     "after which a backend is replaced, with jitter"},
    {"upstreams[].pool.prepared_statements", integer, "200", "0..100000", live,
     "kept in each backend; 0 turns their tracking off"},

    {"routes", list, "(all clients, with one upstream)", "", live, "which upstream serves whom; the first match wins"},
    {"routes[].listener", text, "*", "", live, "the listener's name; `*` is any"},
    {"routes[].database", text, "*", "", live, "the database the client asks for; `*` is any"},
    {"routes[].user", text, "*", "", live, "the user's name; `*` is any"},
    {"routes[].upstream", text, "(required)", "", live, "the upstream's name"},
    {"routes[].upstream_database", text, "(as the client said)", "", live, "the database used upstream"},

    {"store", section, "", "", restart, "journal of rotations and last good credentials, encrypted with AES-256-GCM"},
    {"store.path", path, "", "", restart, "its directory; without it nothing is remembered over a restart"},
    {"store.key", secret, "", "", restart, "32 bytes, base64 or hexadecimal"},

    {"admin", section, "", "", restart, "how `rekey rotate`, `status`, `reload` and monitoring reach the process"},
    {"admin.address", address, "(off)", "", restart, "HTTP: API, web page, /metrics, /healthz, /readyz"},
    {"admin.console", address, "(off)", "", restart, "for psql: SHOW, ROTATE, RELOAD"},
    {"admin.token", secret, "(made in `<store.path>/admin.token`)", "", restart, "what every changing call must show"},

    {"audit", section, "", "", restart, "hash-chained log of everything that happens to credentials"},
    {"audit.path", path, "(off)", "", restart, "its file"},

    {"log", section, "", "", live, "what goes to stderr"},
    {"log.level", choice, "info", "debug|info|warn|error", live, "the least level written"},
    {"log.format", choice, "text", "text|json", restart, "one line, or one JSON object, for each event"},

    {"limits", section, "", "", live, "against overload and abuse"},
    {"limits.client_connections", integer, "10000", "1..1000000", live, "client connections over all listeners"},
    {"limits.startup_timeout", duration, "15s", "100ms..10m", live, "for a client to log in"},
    {"limits.message_collect", size, "1MiB", "4KiB..1GiB", live,
     "longest message that is held in memory whole; longer ones are streamed or refused"},
    {"limits.shutdown_timeout", duration, "30s", "0s..1h", live, "for transactions to finish after SIGTERM"},
};

const std::vector<Option> secret_table{
    {"file", path, "", "", live, "a file with the secret; one newline at its end is not part of it"},
    {"env", variable, "", "", live, "an environment variable"},
    {"value", text, "", "", live, "the secret itself"},
    {"verifier", texts, "", "", live,
     "users only: `SCRAM-SHA-256$...` as PostgreSQL stores it, `CACHING-SHA2$...`, `*...` or `ED25519$...` for MySQL; "
     "or a list of verifiers"},
    {"strict_permissions", boolean, "false", "", live, "with `file`: refuse one that others may read, not only warn"},
};

std::vector<Option> with_sources() {
    auto all = table;
    auto place = std::find_if(all.begin(), all.end(), [](const Option& o) { return o.path == "credentials[].source"; });
    all.insert(place + 1, source_options().begin(), source_options().end());
    return all;
}

} // namespace

std::string_view Option::key() const {
    auto last = path.substr(path.rfind('.') + 1); // npos + 1 is 0
    return last.substr(0, last.find('['));
}

const std::vector<Option>& options() {
    static const std::vector<Option> all = with_sources();
    return all;
}
const std::vector<Option>& secret_options() {
    return secret_table;
}

const Option* find_option(std::string_view path) {
    auto option = std::find_if(options().begin(), options().end(), [&](const Option& o) { return o.path == path; });
    return option == options().end() ? nullptr : &*option;
}

std::vector<const Option*> options_under(std::string_view path) {
    std::vector<const Option*> found;
    for (const auto& option : options()) {
        auto dot = option.path.rfind('.');
        auto parent = dot == std::string_view::npos ? std::string_view() : option.path.substr(0, dot);
        if (parent == path)
            found.push_back(&option);
    }
    return found;
}

std::string child_path(std::string_view parent, std::string_view key) {
    return parent.empty() ? std::string(key) : std::string(parent) + "." + std::string(key);
}

std::vector<Choice> choices_of(const Option& option) {
    std::vector<Choice> choices;
    for (auto name : split(option.values, '|')) {
        bool supported = !name.starts_with('!');
        choices.push_back({supported ? name : name.substr(1), supported});
    }
    return choices;
}

} // namespace rekey::config
