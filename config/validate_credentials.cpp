#include "config/config.hpp"
#include "config/scalars.hpp"
#include "config/validate.hpp"

#include <algorithm>
#include <set>

namespace rekey::config {

namespace {

std::string path_of(const Credential& credential) {
    return "credentials[" + credential.name + "]";
}

void validate_users_of(const Credential& credential, Problems& problems) {
    const auto& users = credential.rotation->users;
    const auto& initial = credential.source.initial.username;
    auto path = path_of(credential) + ".rotation.users";
    if (problems.bad(path))
        return;
    if (users.empty())
        return problems.error(path, "is missing, and there is no source.initial to take the names from");
    if (users.size() != 2 || users[0] == users[1])
        return problems.error(path, "expects two different names");
    for (const auto& user : users)
        if (!is_name(user))
            return problems.error(path, "\"" + user + "\" is no name of 1 to 63 printable bytes");
    if (!initial.empty() && std::find(users.begin(), users.end(), initial) == users.end())
        problems.error(path, "must hold the initial user, \"" + initial + "\"");
}

void validate_admin(const Config& config, const Credential& credential, Problems& problems) {
    auto path = path_of(credential) + ".rotation.admin";
    const auto& admin = credential.rotation->admin;
    if (!admin) {
        if (credential.rotation->strategy == Strategy::alternating_users)
            problems.error(path, "is missing; alternating_users needs one");
        if (credential.rotation->strategy == Strategy::dual_password)
            problems.error(path, "is missing; dual_password needs one");
        return;
    }
    if (problems.bad(path))
        return;
    bool login = problems.located(path + ".username") || problems.located(path + ".password");
    bool reference = problems.located(path + ".credential");
    if (login == reference)
        return problems.error(path, "expects either username and password or credential");
    if (login && admin->username.empty())
        problems.error(path + ".username", "is missing");
    if (login && !problems.located(path + ".password"))
        problems.error(path + ".password", "is missing");
    if (reference && config.find_credential(admin->credential) == nullptr)
        problems.error(path + ".credential", "there is no credential \"" + admin->credential + "\"");
}

// A rotator whose own rotator is, at the end, itself could lock both out.
void validate_chain(const Config& config, const Credential& first, Problems& problems) {
    std::set<std::string> seen{first.name};
    auto current = &first;
    while (current != nullptr && current->rotation && current->rotation->admin) {
        const auto& next = current->rotation->admin->credential;
        if (next.empty())
            return;
        if (next == first.name)
            return problems.error(path_of(first) + ".rotation.admin.credential", "leads back to this credential");
        if (!seen.insert(next).second)
            return; // a cycle further on, reported there
        current = config.find_credential(next);
    }
}

// What one protocol has and the other has not.
void validate_protocol(const Config& config, const Credential& credential, Problems& problems) {
    auto path = path_of(credential);
    for (const auto& upstream : config.upstreams)
        if (upstream.credential == credential.name && upstream.protocol != credential.protocol)
            problems.error("upstreams[" + upstream.name + "].credential",
                           "is also of an upstream that speaks another protocol");
    bool mysql = credential.protocol == Protocol::mysql;
    if (mysql && !credential.role.empty())
        problems.error(path + ".role", "is PostgreSQL's; a MySQL account has none to take");
    if (!mysql && credential.rotation && credential.rotation->strategy == Strategy::dual_password)
        problems.error(path + ".rotation.strategy",
                       "dual_password is MySQL's; PostgreSQL has alternating_users and single_user");
}

void validate_other(const Source& source, const std::string& path, Problems& problems) {
    if (source.type == SourceType::file)
        validate_file(source, path, problems);
    if (source.http)
        validate_http(*source.http, path, problems);
    if (source.gcp)
        validate_gcp(*source.gcp, path, problems);
    if (source.azure)
        validate_azure(*source.azure, path, problems);
    // Whoever keeps nothing but the secret itself counts and ends its versions in its own way.
    if (source.http)
        return;
    for (const char* key : {"version", "expiration"})
        if (problems.located(path + ".fields." + key))
            problems.error(path + ".fields." + key, "applies only with type: http");
}

void validate_credential(const Config& config, const Credential& credential, Problems& problems) {
    auto path = path_of(credential);
    bool refused = problems.refused(path + ".source") || problems.bad(path + ".source") ||
                   problems.bad(path + ".source.type") || problems.bad(path + ".rotation");
    if (refused)
        return;
    bool local = credential.source.type == SourceType::local;
    bool rotation = problems.located(path + ".rotation");
    if (rotation && !local)
        problems.error(path + ".rotation", "needs a source of type local; others are rotated by somebody else");
    if (local && !problems.located("store.path"))
        problems.error(path + ".source.type", "local needs a store (store.path, store.key)");
    if (local && !rotation && !problems.located(path + ".source.initial"))
        problems.error(path + ".source.initial", "is missing; without it and without rotation there is no credential");
    if (credential.source.type == SourceType::exec && credential.source.command.empty() &&
        !problems.bad(path + ".source.command"))
        problems.error(path + ".source.command", "is empty");
    if (credential.source.vault)
        validate_vault(*credential.source.vault, path + ".source", problems);
    if (credential.source.aws)
        validate_aws(config, credential, path + ".source", problems);
    if (credential.source.nacos)
        validate_nacos(*credential.source.nacos, path + ".source", problems);
    if (credential.source.kms)
        validate_aliyun_kms(*credential.source.kms, path + ".source", problems);
    validate_other(credential.source, path + ".source", problems);
    for (const auto& name : credential.source.environment)
        if (!is_variable_name(name))
            problems.error(path + ".source.environment", "\"" + name + "\" is no name of an environment variable");
    validate_protocol(config, credential, problems);
    if (!local || !credential.rotation)
        return;
    if (credential.rotation->strategy == Strategy::alternating_users)
        validate_users_of(credential, problems);
    validate_admin(config, credential, problems);
    validate_chain(config, credential, problems);
    if (credential.rotation->window && !credential.rotation->every)
        problems.warn(path + ".rotation.window", "has no effect without `every`");
}

} // namespace

void validate_credentials(const Config& config, Problems& problems) {
    std::set<std::string> used;
    for (const auto& upstream : config.upstreams)
        used.insert(upstream.credential);
    for (const auto& credential : config.credentials)
        if (credential.rotation && credential.rotation->admin)
            used.insert(credential.rotation->admin->credential);
    for (const auto& credential : config.credentials) {
        if (credential.name.empty())
            continue; // said already, and nothing else could name it
        validate_credential(config, credential, problems);
        if (!used.contains(credential.name))
            problems.warn(path_of(credential), "is not used by any upstream");
    }
}

} // namespace rekey::config
