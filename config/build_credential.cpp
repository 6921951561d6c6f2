#include "config/build.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

Login build_login(const Section& section, Building& building) {
    Login login;
    login.username = section.text("username");
    login.password = building.secrets.read(section.node("password"), section.shown("password"));
    return login;
}

Source build_source(const Section& section, Building& building) {
    Source source;
    source.type = section.choice<SourceType>("type");
    if (building.problems.refused(section.shown()))
        return source;
    switch (source.type) {
    case SourceType::file:
        source.path = section.path("path");
        source.format = section.choice<DocumentFormat>("format");
        source.user = section.text("user");
        source.strict_permissions = section.boolean("strict_permissions");
        break;
    case SourceType::env:
        source.username_variable = section.text("username");
        source.password_variable = section.text("password");
        break;
    case SourceType::exec:
        source.command = section.texts("command");
        source.environment = section.texts("environment");
        source.user = section.text("user");
        source.timeout = section.duration("timeout");
        break;
    case SourceType::vault:
        source.timeout = section.duration("timeout");
        source.vault = build_vault(section, building);
        break;
    case SourceType::aws_secrets_manager:
    case SourceType::rds_iam:
        source.timeout = section.duration("timeout");
        source.aws = build_aws(section, source.type, building);
        break;
    case SourceType::nacos:
        source.timeout = section.duration("timeout");
        source.nacos = build_nacos(section, building);
        break;
    case SourceType::aliyun_kms:
        source.timeout = section.duration("timeout");
        source.kms = build_aliyun_kms(section, building);
        break;
    case SourceType::gcp_secret_manager:
        source.timeout = section.duration("timeout");
        source.gcp = build_gcp(section, building);
        break;
    case SourceType::azure_key_vault:
        source.timeout = section.duration("timeout");
        source.azure = build_azure(section, building);
        break;
    case SourceType::http:
        source.timeout = section.duration("timeout");
        source.http = build_http(section, building);
        break;
    case SourceType::local:
        if (section.has("initial"))
            source.initial = build_login(section.section("initial"), building);
        break;
    }
    return source;
}

Rotation build_rotation(const Section& section, const Source& source, Building& building) {
    Rotation rotation;
    rotation.strategy = section.choice<Strategy>("strategy");
    if (rotation.strategy == Strategy::alternating_users) {
        rotation.users = section.texts("users");
        if (rotation.users.empty() && !section.has("users") && !source.initial.username.empty())
            rotation.users = {source.initial.username, source.initial.username + "_clone"};
    }
    rotation.overlap = section.duration("overlap");
    rotation.every = parse_duration(section.text("every"));
    rotation.window = parse_window(section.text("window"));
    if (section.has("admin")) {
        auto admin = section.section("admin");
        rotation.admin = build_login(admin, building);
        rotation.admin->credential = admin.text("credential");
    }
    return rotation;
}

// Of the first upstream that uses it, or whose credential it administers.
Protocol protocol_of(const Config& config, const std::string& name) {
    for (const auto& upstream : config.upstreams)
        if (upstream.credential == name)
            return upstream.protocol;
    for (const auto& other : config.credentials) {
        bool administered = other.rotation && other.rotation->admin && other.rotation->admin->credential == name;
        auto used = std::find_if(config.upstreams.begin(), config.upstreams.end(),
                                 [&](const Upstream& upstream) { return upstream.credential == other.name; });
        if (administered && used != config.upstreams.end())
            return used->protocol;
    }
    return Protocol::postgres;
}

// Where the default depends on more than the table knows.
void show_default(const std::string& path, const std::string& value, const std::string& fingerprint,
                  Building& building) {
    for (auto& setting : building.config.settings)
        if (setting.path == path) {
            setting.value = value;
            setting.fingerprint = fingerprint;
        }
}

// Two users are named for alternating_users only.
void prefer_dual_password(Rotation& rotation, const std::string& path, Building& building) {
    const auto& problems = building.problems;
    if (problems.located(path + ".strategy") || problems.located(path + ".users"))
        return;
    rotation.strategy = Strategy::dual_password;
    rotation.users.clear();
    show_default(path + ".strategy", "dual_password", "dual_password", building);
}

bool is_far_away(const Source& source) {
    return source.vault || source.aws || source.nacos || source.kms || source.gcp || source.azure || source.http;
}

// Every poll is a request to a store that many share.
void poll_seldom(Credential& credential, const std::string& path, Building& building) {
    auto every = std::chrono::seconds(credential.source.kms ? 60 : 30);
    credential.refresh = every;
    show_default(path, std::to_string(every.count()) + "s", std::to_string(credential.refresh.count()), building);
}

// A .pgpass file tells its lines apart by where they are for.
PassfileQuery passfile_query(const Config& config, const std::string& name) {
    for (const auto& upstream : config.upstreams) {
        if (upstream.credential != name || upstream.hosts.empty())
            continue;
        const auto& host = upstream.hosts.front();
        // libpq's name for a socket, and the port is the end of its path: /run/.s.PGSQL.5432
        auto dot = host.unix_path.rfind('.');
        return host.is_unix() ? PassfileQuery{"localhost", host.unix_path.substr(dot + 1), upstream.database}
                              : PassfileQuery{host.host, std::to_string(host.port), upstream.database};
    }
    return {};
}

} // namespace

void complete_credentials(Building& building) {
    for (auto& credential : building.config.credentials) {
        credential.source.passfile = passfile_query(building.config, credential.name);
        credential.protocol = protocol_of(building.config, credential.name);
        if (!credential.rotation)
            continue;
        auto& rotation = *credential.rotation;
        if (credential.protocol == Protocol::mysql)
            prefer_dual_password(rotation, "credentials[" + credential.name + "].rotation", building);
        else if (credential.role.empty() && !rotation.users.empty())
            credential.role = rotation.users.front();
    }
}

EndpointFields build_endpoint_fields(const Section& fields) {
    return {fields.text("host"), fields.text("port"), fields.text("database"), fields.text("url")};
}

Credential build_credential(const Section& section, Building& building) {
    Credential credential;
    credential.name = section.text("name");
    credential.source = build_source(section.section("source"), building);
    credential.refresh = section.duration("refresh");
    if (is_far_away(credential.source) && !section.has("refresh"))
        poll_seldom(credential, section.shown("refresh"), building);
    credential.drain_deadline = section.duration("drain_deadline");
    credential.pinned = section.choice<Pinned>("pinned");
    bool leased = credential.source.vault && credential.source.vault->engine == VaultEngine::dynamic;
    if (leased && !section.has("pinned"))
        credential.pinned = Pinned::close_at_transaction_end; // the account does not live on in open sessions
    credential.surge = section.section("replace").integer("surge");
    credential.window = section.section("replace").duration("window");
    credential.role = section.text("role");
    auto rotation = section.section("rotation");
    if (section.has("rotation") && !building.problems.refused(rotation.shown()))
        credential.rotation = build_rotation(rotation, credential.source, building);
    auto place = building.problems.place_of(section.shown());
    credential.where = place.file->name + ":" + std::to_string(place.line);
    return credential;
}

} // namespace rekey::config
