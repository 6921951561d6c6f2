#include "config/config.hpp"
#include "config/http_url.hpp"
#include "config/validate.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

bool is_path(std::string_view path) {
    bool printable = std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 127; });
    return printable && !path.empty() && path.find("//") == std::string_view::npos &&
           path.find("..") == std::string_view::npos && path.find_first_of("?#%\\") == std::string_view::npos;
}

void validate_address(const Vault& vault, const std::string& path, Problems& problems) {
    if (vault.address.empty())
        return problems.error(path + ".address", "is missing, and neither BAO_ADDR nor VAULT_ADDR is set");
    auto url = parse_http_url(vault.address);
    if (!url || !url->path.empty())
        return problems.error(path + ".address", "expects https://host:port");
    Address address;
    address.host = url->host;
    if (!url->tls && !address.is_loopback())
        problems.error(path + ".address", "expects https: secrets would cross the network in the clear");
}

void validate_path(const Vault& vault, const std::string& path, Problems& problems) {
    if (problems.bad(path + ".path"))
        return;
    if (!is_path(vault.path))
        return problems.error(path + ".path", "expects an API path such as secret/data/NAME, "
                                              "database/creds/NAME or database/static-creds/NAME");
    if (vault.engine == VaultEngine::kv_v2 && vault.path.find("/data/") == std::string::npos)
        problems.error(path + ".path", "expects MOUNT/data/NAME for engine kv_v2");
    if (vault.engine == VaultEngine::static_role && vault.path.find("/static-creds/") == std::string::npos)
        problems.error(path + ".path", "expects MOUNT/static-creds/NAME for engine static");
    if (vault.engine == VaultEngine::dynamic && vault.path.find("/creds/") == std::string::npos)
        problems.error(path + ".path", "expects MOUNT/creds/NAME for engine dynamic");
}

void validate_login(const Vault& vault, const std::string& path, Problems& problems) {
    if (problems.bad(path) || problems.bad(path + ".method"))
        return;
    auto needs = [&](bool there, const char* key, const char* message) {
        if (!there && !problems.located(path + "." + key) && !problems.bad(path + "." + key))
            problems.error(path + "." + key, message);
    };
    switch (vault.method) {
    case VaultMethod::token:
        needs(vault.secret.given(), "token", "is missing, and neither BAO_TOKEN nor VAULT_TOKEN is set");
        break;
    case VaultMethod::approle:
        needs(!vault.wrapped || vault.secret.given(), "secret_id", "is missing; wrapped needs one");
        break;
    case VaultMethod::kubernetes:
        needs(!vault.role.empty(), "role", "is missing; kubernetes needs one");
        break;
    case VaultMethod::jwt:
        needs(vault.secret.given(), "jwt", "is missing");
        break;
    case VaultMethod::userpass:
        break; // the table has what is required
    case VaultMethod::cert:
        if (vault.certificate.empty())
            problems.error(path + ".method", "cert needs the source's certificate and key");
        break;
    }
    if (!is_path(vault.mount))
        problems.error(path + ".mount", "expects the path of a mount, like approle or team/approle");
}

} // namespace

void validate_vault(const Vault& vault, const std::string& path, Problems& problems) {
    if (!problems.bad(path + ".address"))
        validate_address(vault, path, problems);
    validate_path(vault, path, problems);
    validate_login(vault, path + ".auth", problems);
    if (vault.certificate.empty() != vault.key.empty())
        problems.error(path + (vault.key.empty() ? ".key" : ".certificate"),
                       "is missing; certificate and key go together");
}

} // namespace rekey::config
