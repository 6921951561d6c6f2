#include "rotation/settings.hpp"

namespace rekey::rotation {
namespace {

ReplaceOptions::Pinned pinned_policy(config::Pinned pinned) {
    switch (pinned) {
    case config::Pinned::wait:
        return ReplaceOptions::Pinned::wait;
    case config::Pinned::close_at_transaction_end:
        return ReplaceOptions::Pinned::close_at_transaction_end;
    case config::Pinned::close_now:
        break;
    }
    return ReplaceOptions::Pinned::close_now;
}

std::string source_name(config::SourceType type) {
    switch (type) {
    case config::SourceType::file:
        return "file";
    case config::SourceType::env:
        return "env";
    case config::SourceType::exec:
        return "exec";
    case config::SourceType::vault:
        return "vault";
    case config::SourceType::aws_secrets_manager:
        return "aws_secrets_manager";
    case config::SourceType::rds_iam:
        return "rds_iam";
    case config::SourceType::nacos:
        return "nacos";
    case config::SourceType::aliyun_kms:
        return "aliyun_kms";
    case config::SourceType::gcp_secret_manager:
        return "gcp_secret_manager";
    case config::SourceType::azure_key_vault:
        return "azure_key_vault";
    case config::SourceType::http:
        return "http";
    case config::SourceType::local:
        break;
    }
    return "local";
}

CredentialPtr login_of(const config::Login& login, const std::string& name) {
    auto credential = std::make_shared<Credential>();
    credential->name = name;
    credential->username = login.username;
    credential->password = login.password.clone();
    return credential;
}

} // namespace

Settings::Settings(const config::Credential& configuration)
    : name(configuration.name), source(source_name(configuration.source.type)), role(configuration.role),
      port(configuration.protocol == config::Protocol::mysql ? 3306 : 5432), refresh(configuration.refresh),
      drain_deadline(configuration.drain_deadline), replace_window(configuration.window), surge(configuration.surge),
      pinned(pinned_policy(configuration.pinned)) {
    if (configuration.source.type != config::SourceType::local) {
        return;
    }
    const config::Login& first = configuration.source.initial;
    initial.username = first.username;
    initial.password = first.password.clone();
    initial.version = "initial";
    const config::Rotation rotation_by_default;
    const config::Rotation& rotation = configuration.rotation ? *configuration.rotation : rotation_by_default;
    strategy = make_strategy(configuration.protocol, rotation, first.username);
    overlap = rotation.overlap;
    every = rotation.every;
    window = rotation.window;
    if (role.empty()) {
        role = strategy->role();
    }
    if (rotation.admin && !rotation.admin->credential.empty()) {
        admin_credential = rotation.admin->credential;
    } else if (rotation.admin) {
        admin = login_of(*rotation.admin, name + " admin");
    }
}

} // namespace rekey::rotation
