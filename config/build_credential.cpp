#include "config/build.hpp"

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
        source.strict_permissions = section.boolean("strict_permissions");
        break;
    case SourceType::env:
        source.username_variable = section.text("username");
        source.password_variable = section.text("password");
        break;
    case SourceType::exec:
        source.command = section.texts("command");
        source.environment = section.texts("environment");
        source.timeout = section.duration("timeout");
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

} // namespace

Credential build_credential(const Section& section, Building& building) {
    Credential credential;
    credential.name = section.text("name");
    credential.source = build_source(section.section("source"), building);
    credential.refresh = section.duration("refresh");
    credential.drain_deadline = section.duration("drain_deadline");
    credential.pinned = section.choice<Pinned>("pinned");
    credential.surge = section.section("replace").integer("surge");
    credential.window = section.section("replace").duration("window");
    credential.role = section.text("role");
    auto rotation = section.section("rotation");
    if (section.has("rotation") && !building.problems.refused(rotation.shown())) {
        credential.rotation = build_rotation(rotation, credential.source, building);
        if (credential.role.empty() && !credential.rotation->users.empty())
            credential.role = credential.rotation->users.front();
    }
    auto place = building.problems.place_of(section.shown());
    credential.where = place.file->name + ":" + std::to_string(place.line);
    return credential;
}

} // namespace rekey::config
