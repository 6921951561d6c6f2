#include "rotation/sources/sources.hpp"

namespace rekey::rotation {

namespace {

// Null where nothing is encrypted.
std::unique_ptr<ConfigCipher> make_cipher(const config::Source& source, Environment& environment) {
    return source.nacos->kms ? make_config_cipher(source.nacos->kms, source.timeout, environment) : nullptr;
}

} // namespace

std::unique_ptr<Source> make_source(const config::Credential& configuration, Environment& environment,
                                    DescriptorWatcher& watcher, LogSink log, const protocol::Secret& version_key) {
    const auto& source = configuration.source;
    if (!log)
        log = [](LogLevel, std::string_view) {};
    switch (source.type) {
    case config::SourceType::file:
        return make_file_source(source, environment, watcher, std::move(log), version_key);
    case config::SourceType::env:
        return make_env_source(source, environment, version_key);
    case config::SourceType::exec:
        return make_exec_source(source, environment, std::move(log), version_key);
    case config::SourceType::vault:
        return make_vault_source(source, environment, version_key);
    case config::SourceType::aws_secrets_manager:
        return make_secrets_manager_source(source, environment, version_key);
    case config::SourceType::rds_iam:
        return make_rds_iam_source(source, environment);
    case config::SourceType::nacos:
        return make_nacos_source(source, environment, watcher, std::move(log), version_key,
                                 make_cipher(source, environment));
    case config::SourceType::aliyun_kms:
        return make_aliyun_kms_source(source, environment, version_key);
    case config::SourceType::gcp_secret_manager:
        return make_gcp_source(source, environment, version_key);
    case config::SourceType::azure_key_vault:
        return make_azure_source(source, environment, version_key);
    case config::SourceType::http:
        return make_http_source(source, environment, version_key);
    case config::SourceType::local:
        return nullptr;
    }
    return nullptr;
}

} // namespace rekey::rotation
