// Whether a built configuration makes sense: references, combinations, cycles.
#pragma once

#include "config/problems.hpp"

namespace rekey::config {

struct Config;
struct Credential;
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
// Sources of type file, http, gcp_secret_manager and azure_key_vault.
void validate_file(const Source& source, const std::string& path, Problems& problems);
void validate_http(const HttpStore& http, const std::string& path, Problems& problems);
void validate_gcp(const Gcp& gcp, const std::string& path, Problems& problems);
void validate_azure(const Azure& azure, const std::string& path, Problems& problems);

} // namespace rekey::config
