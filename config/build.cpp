#include "config/build.hpp"

#include "protocol/auth/mysql_verifiers.hpp"
#include "protocol/auth/scram.hpp"

#include <algorithm>
#include <thread>

namespace rekey::config {

namespace {

Listener build_listener(const Section& section, Building& building) {
    Listener listener;
    listener.name = section.text("name");
    listener.protocol = section.choice<Protocol>("protocol");
    listener.address = *section.address("address");
    listener.server_version = section.text("server_version");
    listener.charset = section.text("charset");
    listener.compression = section.boolean("compression");
    auto tls = section.section("tls");
    listener.tls.mode = tls.choice<ListenerTls>("mode");
    listener.tls.certificate = tls.path("certificate");
    listener.tls.key = tls.path("key");
    listener.tls.client_ca = tls.path("client_ca");
    for (auto key : {"certificate", "key", "client_ca"})
        if (auto file = tls.path(key); !file.empty() && !building.problems.refused(section.shown()))
            listener.tls.digest += building.secrets.digest_of(file, tls.shown(key), key == std::string_view("key"));
    return listener;
}

// Whether a client could be judged by it, and of which protocol. MySQL's own $A$... is taken, but of no use: it needs
// the password itself.
bool serves(Protocol protocol, const std::string& verifier) {
    switch (protocol) {
    case Protocol::postgres:
        return protocol::auth::ScramVerifier::parse(verifier).has_value();
    case Protocol::mysql:
        break;
    }
    return protocol::auth::MysqlVerifiers().add(verifier);
}

bool is_verifier(const std::string& text) {
    return serves(Protocol::postgres, text) || serves(Protocol::mysql, text) || text.starts_with("$A$");
}

// A client must be able to log in with one of them, at one of the listeners.
void build_user_verifiers(const Section& section, User& user, Building& building) {
    auto& problems = building.problems;
    auto password = section.node("password");
    auto verifier = password != nullptr ? password->find("verifier") : nullptr;
    auto path = section.shown("password");
    if (verifier == nullptr || problems.bad(path) || problems.bad(path + ".verifier"))
        return;
    if (verifier->kind == Node::Kind::scalar)
        user.verifiers.push_back(verifier->text);
    for (const auto& item : verifier->items)
        user.verifiers.push_back(item.text);
    if (!std::all_of(user.verifiers.begin(), user.verifiers.end(), is_verifier))
        return problems.error(path + ".verifier",
                              "expects SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, or "
                              "for MySQL CACHING-SHA2$..., *... or ED25519$...");
    const auto usable = [&user](Protocol protocol) {
        return std::any_of(user.verifiers.begin(), user.verifiers.end(),
                           [protocol](const std::string& text) { return serves(protocol, text); });
    };
    const auto& listeners = building.config.listeners; // none: one for PostgreSQL is added
    bool at_one = listeners.empty() ? usable(Protocol::postgres)
                                    : std::any_of(listeners.begin(), listeners.end(),
                                                  [&](const Listener& listener) { return usable(listener.protocol); });
    if (!at_one)
        problems.error(path + ".verifier", "holds none that a listener could check a client by: SCRAM-SHA-256$... for "
                                           "PostgreSQL, CACHING-SHA2$..., *... or ED25519$... for MySQL");
}

User build_user(const Section& section, Building& building) {
    User user;
    user.name = section.text("name");
    for (const auto& network : section.texts("allow"))
        user.allow.push_back(*parse_network(network));
    user.methods = section.texts("methods");
    user.max_connections = section.integer("max_connections");
    build_user_verifiers(section, user, building);
    auto password = section.node("password");
    if (user.verifiers.empty())
        user.password = building.secrets.read(password, section.shown("password"));
    return user;
}

Route build_route(const Section& section) {
    return {section.text("listener"), section.text("database"), section.text("user"), section.text("upstream"),
            section.text("upstream_database")};
}

void build_store(const Section& section, Building& building) {
    auto& store = building.config.store;
    store.path = section.path("path");
    auto key = building.secrets.read(section.node("key"), section.shown("key"));
    if (key.empty())
        return;
    if (auto bytes = parse_key(key.reveal()))
        store.key = std::move(*bytes);
    else
        building.problems.error(section.shown("key"),
                                "must be 32 bytes, as 64 hexadecimal digits or 44 characters of base64");
}

void build_admin(const Section& section, Building& building) {
    auto& admin = building.config.admin;
    admin.address = section.address("address");
    admin.console = section.address("console");
    admin.token = building.secrets.read(section.node("token"), section.shown("token"));
    if (!section.has("token") && !building.config.store.path.empty())
        admin.token_path = building.config.store.path + "/admin.token";
}

void build_limits(const Section& section, Limits& limits) {
    limits.client_connections = section.integer("client_connections");
    limits.startup_timeout = section.duration("startup_timeout");
    limits.message_collect = section.size("message_collect");
    limits.shutdown_timeout = section.duration("shutdown_timeout");
}

// What a short file leaves out.
void add_obvious_entries(const Section& root, Building& building) {
    auto& config = building.config;
    if (!root.has("listeners")) {
        Section defaults(nullptr, "listeners[]", "listeners[postgres]");
        config.listeners.push_back(build_listener(defaults, building));
        config.listeners.back().name = "postgres";
    }
    if (!root.has("routes") && config.upstreams.size() == 1)
        config.routes.push_back({"*", "*", "*", config.upstreams.front().name, ""});
}

} // namespace

void build(const Section& root, Building& building) {
    auto& config = building.config;
    auto workers = root.text("workers");
    config.workers = workers == "auto" ? std::max(1u, std::thread::hardware_concurrency()) : root.integer("workers");
    for (const auto& section : root.entries("listeners"))
        config.listeners.push_back(build_listener(section, building));
    for (const auto& section : root.entries("users"))
        config.users.push_back(build_user(section, building));
    for (const auto& section : root.entries("credentials"))
        config.credentials.push_back(build_credential(section, building));
    for (const auto& section : root.entries("upstreams"))
        config.upstreams.push_back(build_upstream(section, building));
    complete_credentials(building);
    for (const auto& section : root.entries("routes"))
        config.routes.push_back(build_route(section));
    build_store(root.section("store"), building);
    build_admin(root.section("admin"), building);
    config.audit_path = root.section("audit").path("path");
    config.log_level = root.section("log").text("level");
    config.log_format = root.section("log").choice<LogFormat>("format");
    build_limits(root.section("limits"), config.limits);
    add_obvious_entries(root, building);
}

} // namespace rekey::config
