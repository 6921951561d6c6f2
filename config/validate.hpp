// Whether a built configuration makes sense: references, combinations, cycles.
#pragma once

#include "config/problems.hpp"

namespace rekey::config {

struct AccessKey;
struct AliyunKms;
struct Config;
struct Credential;
struct Nacos;
struct Azure;
struct Gcp;
struct HttpStore;
struct Source;
struct Vault;

// Findings are located through `problems`, in which check() has left every key's place.
void validate(const Config& config, Problems& problems);

// The part about credentials and their rotation.
void validate_credentials(const Config& config, Problems& problems);

// A source of type vault, which stands at `path`.
void validate_vault(const Vault& vault, const std::string& path, Problems& problems);
// A credential whose source, which stands at `path`, is of type aws_secrets_manager or rds_iam.
void validate_aws(const Config& config, const Credential& credential, const std::string& path, Problems& problems);
// A source of type nacos, which stands at `path`.
void validate_nacos(const Nacos& nacos, const std::string& path, Problems& problems);
// A source of type aliyun_kms, which stands at `path`.
void validate_aliyun_kms(const AliyunKms& kms, const std::string& path, Problems& problems);
// What build_kms_access() has built from the section at `path`.
void validate_kms_access(const AliyunKms& kms, const std::string& path, Problems& problems);
// The section at `path`, if there is one.
void validate_access_key(const AccessKey& key, const std::string& path, Problems& problems);
// Sources of type file, http, gcp_secret_manager and azure_key_vault.
void validate_file(const Source& source, const std::string& path, Problems& problems);
void validate_http(const HttpStore& http, const std::string& path, Problems& problems);
void validate_gcp(const Gcp& gcp, const std::string& path, Problems& problems);
void validate_azure(const Azure& azure, const std::string& path, Problems& problems);

} // namespace rekey::config
