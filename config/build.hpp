// Turns a checked tree into the plain Config.
#pragma once

#include "config/section.hpp"

namespace rekey::config {

struct Building {
    Config& config;
    Problems& problems;
    SecretReader& secrets;
};

void build(const Section& root, Building& building);

// Parts of build(), each in its own file.
Credential build_credential(const Section& section, Building& building);
// `source` of type vault; what the file does not say comes from BAO_* and VAULT_* variables.
std::shared_ptr<const Vault> build_vault(const Section& section, Building& building);
// `source` of type aws_secrets_manager or rds_iam; region and profile are left empty where only the variables say them.
std::shared_ptr<const Aws> build_aws(const Section& section, SourceType type, Building& building);
// `source` of type nacos.
std::shared_ptr<const Nacos> build_nacos(const Section& section, Building& building);
// `source` of type aliyun_kms.
std::shared_ptr<const AliyunKms> build_aliyun_kms(const Section& section, Building& building);
// How KMS is reached and who asks; for every section with these keys.
void build_kms_access(const Section& section, AliyunKms& kms, Building& building);
// `access_key`, if it is there.
AccessKey build_access_key(const Section& section, Building& building);
// `source` of type http, gcp_secret_manager or azure_key_vault; variables say what the file does not.
std::shared_ptr<const HttpStore> build_http(const Section& section, Building& building);
std::shared_ptr<const Gcp> build_gcp(const Section& section, Building& building);
std::shared_ptr<const Azure> build_azure(const Section& section, Building& building);
// Of `source.fields`.
EndpointFields build_endpoint_fields(const Section& fields);
// What of credentials follows from the upstreams: the protocol, and what is its default.
void complete_credentials(Building& building);
Upstream build_upstream(const Section& section, Building& building);

// Hosts, port, database and TLS of a postgresql:// URI; what else it says is refused or warned of.
void apply_uri(const Section& section, Upstream& upstream, Problems& problems);

// Gives users with a password their SCRAM verifier, taken from `previous` (may be null) where nothing changed.
void derive_verifiers(Config& config, const Config* previous);

} // namespace rekey::config
