#include "proxy/admin/settings.hpp"

namespace rekey::proxy::admin {
namespace {

using namespace rekey::config;

// The configuration's own words.
std::string_view word(Protocol value) { return value == Protocol::postgres ? "postgres" : "mysql"; }

std::string_view word(ListenerTls value) {
    switch (value) {
    case ListenerTls::disable: return "disable";
    case ListenerTls::prefer: return "prefer";
    case ListenerTls::require: return "require";
    case ListenerTls::verify: return "verify";
    }
    return "";
}

std::string_view word(UpstreamTls value) {
    switch (value) {
    case UpstreamTls::disable: return "disable";
    case UpstreamTls::prefer: return "prefer";
    case UpstreamTls::require: return "require";
    case UpstreamTls::verify_ca: return "verify-ca";
    case UpstreamTls::verify_full: return "verify-full";
    }
    return "";
}

std::string_view word(Target value) {
    switch (value) {
    case Target::primary: return "primary";
    case Target::standby: return "standby";
    case Target::any: return "any";
    }
    return "";
}

std::string_view word(PoolMode value) {
    switch (value) {
    case PoolMode::automatic: return "auto";
    case PoolMode::session: return "session";
    case PoolMode::transaction: return "transaction";
    case PoolMode::statement: return "statement";
    }
    return "";
}

std::string_view word(SourceType value) {
    switch (value) {
    case SourceType::file: return "file";
    case SourceType::env: return "env";
    case SourceType::exec: return "exec";
    case SourceType::local: return "local";
    }
    return "";
}

std::string_view word(Strategy value) {
    switch (value) {
    case Strategy::single_user: return "single_user";
    case Strategy::alternating_users: return "alternating_users";
    case Strategy::dual_password: return "dual_password";
    }
    return "";
}

std::string_view word(Pinned value) {
    switch (value) {
    case Pinned::wait: return "wait";
    case Pinned::close_at_transaction_end: return "close_at_transaction_end";
    case Pinned::close_now: return "close_now";
    }
    return "";
}

std::string text(Duration value) {
    auto count = value.count();
    if (count % 1000 != 0 || count == 0)
        return std::to_string(count) + "ms";
    return std::to_string(count / 1000) + "s";
}
std::string text(std::string_view value) { return std::string(value); }
std::string text(std::uint64_t value) { return std::to_string(value); }
std::string text(const protocol::Secret& value) { return value.empty() ? "" : "***"; }

class Settings {
  public:
    template <class Value> void add(const std::string& key, const Value& value) { list.push_back({key, text(value)}); }
    std::vector<Setting> list;
};

void add_listeners(Settings& out, const Config& config) {
    for (auto& listener : config.listeners) {
        auto prefix = "listeners[" + listener.name + "].";
        out.add(prefix + "protocol", word(listener.protocol));
        out.add(prefix + "address", listener.address.text());
        out.add(prefix + "tls.mode", word(listener.tls.mode));
        out.add(prefix + "tls.certificate", listener.tls.certificate);
        out.add(prefix + "tls.client_ca", listener.tls.client_ca);
    }
}

void add_credentials(Settings& out, const Config& config) {
    for (auto& credential : config.credentials) {
        auto prefix = "credentials[" + credential.name + "].";
        out.add(prefix + "source.type", word(credential.source.type));
        out.add(prefix + "source.path", credential.source.path);
        out.add(prefix + "refresh", credential.refresh);
        out.add(prefix + "drain_deadline", credential.drain_deadline);
        out.add(prefix + "pinned", word(credential.pinned));
        out.add(prefix + "replace.surge", credential.surge);
        out.add(prefix + "replace.window", credential.window);
        out.add(prefix + "role", credential.role);
        if (!credential.rotation)
            continue;
        auto& rotation = *credential.rotation;
        out.add(prefix + "rotation.strategy", word(rotation.strategy));
        out.add(prefix + "rotation.overlap", rotation.overlap);
        if (rotation.every)
            out.add(prefix + "rotation.every", *rotation.every);
        if (rotation.window)
            out.add(prefix + "rotation.window", rotation.window->text);
        if (!rotation.admin)
            continue;
        out.add(prefix + "rotation.admin.username", rotation.admin->username);
        out.add(prefix + "rotation.admin.password", rotation.admin->password);
        out.add(prefix + "rotation.admin.credential", rotation.admin->credential);
    }
}

void add_upstreams(Settings& out, const Config& config) {
    for (auto& upstream : config.upstreams) {
        auto prefix = "upstreams[" + upstream.name + "].";
        std::string hosts;
        for (auto& host : upstream.hosts)
            hosts += (hosts.empty() ? "" : ",") + host.text();
        out.add(prefix + "protocol", word(upstream.protocol));
        out.add(prefix + "hosts", hosts);
        out.add(prefix + "database", upstream.database);
        out.add(prefix + "target", word(upstream.target));
        if (upstream.tls.mode)
            out.add(prefix + "tls.mode", word(*upstream.tls.mode));
        out.add(prefix + "tls.ca", upstream.tls.ca);
        out.add(prefix + "credential", upstream.credential);
        out.add(prefix + "pool.mode", word(upstream.pool.mode));
        out.add(prefix + "pool.size", upstream.pool.size);
        out.add(prefix + "pool.min", upstream.pool.min);
        out.add(prefix + "pool.wait_timeout", upstream.pool.wait_timeout);
        out.add(prefix + "pool.idle_timeout", upstream.pool.idle_timeout);
        out.add(prefix + "pool.max_lifetime", upstream.pool.max_lifetime);
        out.add(prefix + "pool.prepared_statements", upstream.pool.prepared_statements);
    }
}

} // namespace

std::vector<Setting> settings_of(const Config& config) {
    Settings out;
    out.add("file", config.file);
    out.add("workers", config.workers);
    add_listeners(out, config);
    for (auto& user : config.users)
        out.add("users[" + user.name + "].max_connections", user.max_connections);
    add_credentials(out, config);
    add_upstreams(out, config);
    for (std::size_t i = 0; i < config.routes.size(); ++i) {
        auto& route = config.routes[i];
        out.add("routes[" + std::to_string(i) + "]", "listener=" + route.listener + " database=" + route.database +
                                                         " user=" + route.user + " upstream=" + route.upstream);
    }
    out.add("store.path", config.store.path);
    out.add("store.key", config.store.key);
    out.add("admin.address", config.admin.address ? config.admin.address->text() : "");
    out.add("admin.console", config.admin.console ? config.admin.console->text() : "");
    out.add("admin.token", config.admin.token);
    out.add("audit.path", config.audit_path);
    out.add("log.level", config.log_level);
    out.add("log.format", config.log_format == LogFormat::json ? "json" : "text");
    out.add("limits.client_connections", config.limits.client_connections);
    out.add("limits.startup_timeout", config.limits.startup_timeout);
    out.add("limits.message_collect", config.limits.message_collect);
    out.add("limits.shutdown_timeout", config.limits.shutdown_timeout);
    return std::move(out.list);
}

} // namespace rekey::proxy::admin
