#include "config/validate.hpp"

#include "config/config.hpp"

#include <algorithm>
#include <map>

namespace rekey::config {

namespace {

std::string at(std::string_view list, std::string_view name) {
    return std::string(list) + "[" + std::string(name) + "]";
}

bool lists(const std::vector<std::string>& methods, std::string_view method) {
    return std::find(methods.begin(), methods.end(), method) != methods.end();
}

// Clients read the version's number; a name with spaces or quotes would only be a mistake.
void validate_greeting(const Listener& listener, Problems& problems) {
    auto path = at("listeners", listener.name);
    const auto& version = listener.server_version;
    bool printable = std::all_of(version.begin(), version.end(), [](char c) { return c > ' ' && c < 127; });
    bool number =
        !version.empty() && version.front() >= '0' && version.front() <= '9' && version.find('.') != std::string::npos;
    if (problems.located(path + ".server_version") && (!printable || !number || version.size() > 60))
        problems.error(path + ".server_version", "expects a version, like 8.4.5 or 10.11.8-MariaDB");
    bool word = !listener.charset.empty() && listener.charset.size() <= 64 &&
                std::all_of(listener.charset.begin(), listener.charset.end(),
                            [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    if (problems.located(path + ".charset") && !problems.bad(path + ".charset") && !word)
        problems.error(path + ".charset", "expects a character set or collation, like utf8mb4 or utf8mb4_general_ci");
}

void validate_listener(const Listener& listener, Problems& problems) {
    if (listener.protocol == Protocol::mysql)
        validate_greeting(listener, problems);
    auto tls = at("listeners", listener.name) + ".tls";
    if (listener.name.empty() || problems.bad(tls) || problems.bad(tls + ".mode"))
        return;
    bool needs_certificate = listener.tls.mode == ListenerTls::require || listener.tls.mode == ListenerTls::verify;
    if (needs_certificate && listener.tls.certificate.empty())
        problems.error(tls + ".certificate", "is missing; mode require and verify need one");
    if (listener.tls.mode == ListenerTls::verify && listener.tls.client_ca.empty())
        problems.error(tls + ".client_ca", "is missing; mode verify needs one");
    if (!listener.tls.certificate.empty() && listener.tls.key.empty())
        problems.error(tls + ".key", "is missing; the certificate needs one");
    if (listener.tls.certificate.empty() && !listener.tls.key.empty())
        problems.error(tls + ".key", "is given without a certificate");
}

// Two sockets cannot be bound to one address; port 0 is another one each time.
void validate_addresses(const Config& config, Problems& problems) {
    std::map<std::string, std::string> taken;
    auto take = [&](const Address& address, const std::string& path) {
        if (!address.is_unix() && address.port == 0)
            return;
        auto [other, free] = taken.emplace(address.text(), path);
        if (!free)
            problems.error(path, address.text() + " is also " + other->second);
    };
    for (const auto& listener : config.listeners)
        take(listener.address, at("listeners", listener.name) + ".address");
    if (config.admin.address)
        take(*config.admin.address, "admin.address");
    if (config.admin.console)
        take(*config.admin.console, "admin.console");
}

bool any_listener(const Config& config, Protocol protocol) {
    return std::any_of(config.listeners.begin(), config.listeners.end(),
                       [protocol](const Listener& listener) { return listener.protocol == protocol; });
}

// `cert` is of both.
bool can_be_used(const Config& config, const std::string& method) {
    bool postgres = method == "scram-sha-256" || method == "md5";
    return method == "cert" || any_listener(config, postgres ? Protocol::postgres : Protocol::mysql);
}

void validate_user(const User& user, Problems& problems) {
    auto path = at("users", user.name);
    auto password = path + ".password";
    bool given = problems.located(password);
    bool by_certificate_only = user.methods.size() == 1 && user.methods.front() == "cert";
    if (!given && !by_certificate_only && !problems.bad(path + ".methods"))
        problems.error(password, "is missing; only `methods: [cert]` does without");
    if (lists(user.methods, "md5") && problems.located(password + ".verifier"))
        problems.error(path + ".methods", "md5 needs the password itself, not a verifier");
}

void validate_users(const Config& config, Problems& problems) {
    bool certificates_checked = std::any_of(config.listeners.begin(), config.listeners.end(),
                                            [](const Listener& l) { return !l.tls.client_ca.empty(); });
    auto open = std::find_if(config.listeners.begin(), config.listeners.end(),
                             [](const Listener& l) { return !l.address.is_loopback(); });
    bool warned = false;
    for (const auto& user : config.users) {
        if (user.name.empty())
            continue; // said already, and nothing else could name it
        auto path = at("users", user.name);
        validate_user(user, problems);
        if (lists(user.methods, "cert") && !certificates_checked)
            problems.warn(path + ".methods", "cert can never be used: no listener has tls.client_ca");
        bool usable = user.methods.empty() || std::any_of(user.methods.begin(), user.methods.end(),
                                                          [&](const auto& m) { return can_be_used(config, m); });
        if (!usable)
            problems.warn(path + ".methods", "are of a protocol that no listener speaks");
        if (open != config.listeners.end() && !problems.located(path + ".allow") && !warned) {
            problems.warn(path, "may connect from loopback and unix sockets only, although listeners[" + open->name +
                                    "] can be reached from elsewhere; see `allow`");
            warned = true;
        }
    }
    if (config.users.empty() && !problems.bad("users"))
        problems.warn("users", "are missing: nobody can log in");
}

// Whether a secret of this source is one that can say where its database is.
bool names_hosts(const Source& source) {
    switch (source.type) {
    case SourceType::file:
    case SourceType::exec:
    case SourceType::aws_secrets_manager:
        return true;
    case SourceType::aliyun_kms:
    case SourceType::gcp_secret_manager:
    case SourceType::azure_key_vault:
    case SourceType::http:
        return true;
    case SourceType::vault:
        return source.vault->engine == VaultEngine::kv_v1 || source.vault->engine == VaultEngine::kv_v2;
    case SourceType::nacos: // whose configurations are the applications', too: asked for by name
        return !source.nacos->endpoint_fields.host.empty() || !source.nacos->endpoint_fields.url.empty();
    case SourceType::env:
    case SourceType::local:
    case SourceType::rds_iam:
        break;
    }
    return false;
}

void validate_hosts_from_credential(const Config& config, const Upstream& upstream, const std::string& path,
                                    Problems& problems) {
    const auto* credential = config.find_credential(upstream.credential);
    auto source = at("credentials", credential != nullptr ? credential->name : std::string()) + ".source";
    if (credential != nullptr && !problems.refused(source) && !names_hosts(credential->source))
        problems.error(path + ".hosts", "from_credential needs a secret that names hosts, which " + source + " is not");
}

void validate_hosts(const Config& config, const Upstream& upstream, const std::string& path, Problems& problems) {
    if (upstream.hosts_from_credential)
        return validate_hosts_from_credential(config, upstream, path, problems);
    bool hosts = problems.located(path + ".hosts"), uri = problems.located(path + ".uri");
    if (!hosts && !uri)
        problems.error(path + ".hosts", "is missing");
    else if (upstream.hosts.empty() && !problems.bad(path + ".hosts") && !problems.bad(path + ".uri"))
        problems.error(path + ".hosts", "is empty");
    auto place = path + (hosts ? ".hosts" : ".uri");
    for (auto host = upstream.hosts.begin(); host != upstream.hosts.end(); ++host) {
        if (!host->is_unix() && host->port == 0)
            problems.error(place, host->text() + " has no port to connect to");
        if (std::find(upstream.hosts.begin(), host, *host) != host)
            problems.error(place, host->text() + " is given twice");
    }
}

void validate_upstream(const Config& config, const Upstream& upstream, Problems& problems) {
    auto path = at("upstreams", upstream.name);
    if (upstream.name.empty() || problems.refused(path))
        return;
    validate_hosts(config, upstream, path, problems);
    bool refers = !upstream.credential.empty();
    if (refers && config.find_credential(upstream.credential) == nullptr)
        problems.error(path + ".credential", "there is no credential \"" + upstream.credential + "\"");
    if (upstream.pool.min > upstream.pool.size)
        problems.error(path + ".pool.min", "is greater than size, " + std::to_string(upstream.pool.size));
    if (auto credential = config.find_credential(upstream.credential))
        if (credential->surge > upstream.pool.size)
            problems.error(at("credentials", credential->name) + ".replace.surge",
                           "is greater than the pool's size in " + path + ", " + std::to_string(upstream.pool.size));
    bool mysql = upstream.protocol == Protocol::mysql;
    if (!any_listener(config, upstream.protocol))
        problems.warn(path, std::string("cannot be reached: no listener speaks ") + (mysql ? "mysql" : "postgres"));
    if (mysql && problems.located(path + ".uri"))
        problems.error(path + ".uri", "is for PostgreSQL; name the hosts");
    if (mysql && upstream.tls.negotiation == TlsNegotiation::direct)
        problems.error(path + ".tls.negotiation", "direct is PostgreSQL's");
    bool direct = upstream.tls.negotiation == TlsNegotiation::direct;
    bool all_tls = upstream.tls.mode ? *upstream.tls.mode >= UpstreamTls::require
                                     : !upstream.hosts_from_credential &&
                                           std::none_of(upstream.hosts.begin(), upstream.hosts.end(),
                                                        [](const Address& host) { return host.is_loopback(); });
    if (direct && !mysql && !all_tls)
        problems.error(path + ".tls.negotiation", "direct needs mode require, verify-ca or verify-full");
}

bool covers(std::string_view pattern, std::string_view other) {
    return pattern == "*" || pattern == other;
}

void validate_route(const Config& config, std::size_t index, Problems& problems) {
    const auto& route = config.routes[index];
    auto path = at("routes", std::to_string(index));
    auto listener = config.find_listener(route.listener);
    auto upstream = config.find_upstream(route.upstream);
    if (route.listener != "*" && listener == nullptr)
        problems.error(path + ".listener", "there is no listener \"" + route.listener + "\"");
    if (route.user != "*" && config.find_user(route.user) == nullptr)
        problems.error(path + ".user", "there is no user \"" + route.user + "\"");
    if (!route.upstream.empty() && upstream == nullptr)
        problems.error(path + ".upstream", "there is no upstream \"" + route.upstream + "\"");
    if (listener != nullptr && upstream != nullptr && listener->protocol != upstream->protocol)
        problems.error(path + ".upstream", "speaks another protocol than the listener");
    for (std::size_t i = 0; i < index; ++i) {
        const auto& earlier = config.routes[i];
        if (covers(earlier.listener, route.listener) && covers(earlier.database, route.database) &&
            covers(earlier.user, route.user)) {
            problems.warn(path, "is never used: " + at("routes", std::to_string(i)) + " matches first");
            return;
        }
    }
}

void validate_store_and_admin(const Config& config, Problems& problems) {
    bool path = problems.located("store.path"), key = problems.located("store.key");
    if (path && !key)
        problems.error("store.key", "is missing; the store is encrypted");
    if (key && !path)
        problems.error("store.path", "is missing");
    auto needs_token = [&](const std::optional<Address>& address, const std::string& where) {
        if (address && !address->is_loopback() && !problems.located("admin.token"))
            problems.error(where, address->text() + " can be reached from elsewhere and needs admin.token");
    };
    needs_token(config.admin.address, "admin.address");
    needs_token(config.admin.console, "admin.console");
}

} // namespace

void validate(const Config& config, Problems& problems) {
    for (const auto& listener : config.listeners)
        validate_listener(listener, problems);
    validate_addresses(config, problems);
    validate_users(config, problems);
    validate_credentials(config, problems);
    for (const auto& upstream : config.upstreams)
        validate_upstream(config, upstream, problems);
    if (config.upstreams.empty() && !problems.bad("upstreams"))
        problems.error("upstreams", "is missing or empty");
    if (config.routes.empty() && !config.upstreams.empty() && !problems.bad("routes"))
        problems.error("routes", "is missing or empty; only a single upstream does without");
    for (std::size_t i = 0; i < config.routes.size(); ++i)
        validate_route(config, i, problems);
    validate_store_and_admin(config, problems);
}

} // namespace rekey::config
