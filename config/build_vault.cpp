#include "config/build.hpp"

namespace rekey::config {

namespace {

constexpr std::string_view service_account_token = "/var/run/secrets/kubernetes.io/serviceaccount/token";

// What OpenBao calls BAO_X, Vault calls VAULT_X; the former wins.
std::optional<std::string> variable(const Building& building, const std::string& name) {
    auto value = building.secrets.variable("BAO_" + name);
    return value ? value : building.secrets.variable("VAULT_" + name);
}

std::string text_or(const Section& section, std::string_view key, const Building& building, const std::string& name) {
    return section.has(key) ? section.text(key) : variable(building, name).value_or("");
}

std::string path_or(const Section& section, std::string_view key, const Building& building, const std::string& name) {
    return section.has(key) ? section.path(key) : variable(building, name).value_or("");
}

std::string without_slashes(std::string_view path) {
    while (path.starts_with('/'))
        path.remove_prefix(1);
    while (path.ends_with('/'))
        path.remove_suffix(1);
    return std::string(path);
}

// The name of what is read stands last; before it comes creds or static-creds, or data somewhere behind the mount.
VaultEngine engine_of(std::string_view path) {
    auto name = path.rfind('/');
    if (name == std::string_view::npos)
        return VaultEngine::kv_v1;
    if (path.substr(0, name).ends_with("/static-creds"))
        return VaultEngine::static_role;
    if (path.substr(0, name).ends_with("/creds"))
        return VaultEngine::dynamic;
    return path.find("/data/") != std::string_view::npos ? VaultEngine::kv_v2 : VaultEngine::kv_v1;
}

SecretReference token(const Section& section, Building& building) {
    SecretReference reference = building.secrets.reference(section.node("token"), section.shown("token"));
    if (section.has("token"))
        return reference;
    if (auto value = variable(building, "TOKEN"))
        reference.value = protocol::Secret::take(*value);
    return reference;
}

SecretReference secret_of(const Section& section, VaultMethod method, Building& building) {
    auto read = [&](std::string_view key) { return building.secrets.reference(section.node(key), section.shown(key)); };
    switch (method) {
    case VaultMethod::token:
        return token(section, building);
    case VaultMethod::approle:
        return read("secret_id");
    case VaultMethod::kubernetes:
        return section.has("jwt") ? read("jwt") : SecretReference{std::string(service_account_token), {}};
    case VaultMethod::jwt:
        return read("jwt");
    case VaultMethod::userpass:
        return read("password");
    case VaultMethod::cert:
        break;
    }
    return {};
}

void build_login(const Section& section, Vault& vault, Building& building) {
    vault.method = section.choice<VaultMethod>("method");
    vault.mount = section.has("mount") ? without_slashes(section.text("mount")) : section.text("method");
    vault.role = section.text("role");
    vault.role_id = section.text("role_id");
    vault.username = section.text("username");
    vault.secret = secret_of(section, vault.method, building);
    vault.wrapped = section.boolean("wrapped");
}

} // namespace

std::shared_ptr<const Vault> build_vault(const Section& section, Building& building) {
    auto vault = std::make_shared<Vault>();
    vault->address = text_or(section, "address", building, "ADDR");
    vault->name_space = without_slashes(text_or(section, "namespace", building, "NAMESPACE"));
    vault->ca = path_or(section, "ca", building, "CACERT");
    vault->ca_directory = section.has("ca") ? std::string() : variable(building, "CAPATH").value_or("");
    vault->server_name = text_or(section, "server_name", building, "TLS_SERVER_NAME");
    vault->certificate = path_or(section, "certificate", building, "CLIENT_CERT");
    vault->key = path_or(section, "key", building, "CLIENT_KEY");
    vault->path = without_slashes(section.text("path"));
    if (vault->path.starts_with("v1/")) // as the API's documentation writes it
        vault->path.erase(0, 3);
    auto engine = section.choice<VaultEngine>("engine");
    vault->engine = engine == VaultEngine::automatic ? engine_of(vault->path) : engine;
    vault->username_field = section.section("fields").text("username");
    vault->password_field = section.section("fields").text("password");
    vault->endpoint_fields = build_endpoint_fields(section.section("fields"));
    build_login(section.section("auth"), *vault, building);
    if (auto skip = variable(building, "SKIP_VERIFY"); skip && *skip != "0" && *skip != "false")
        building.problems.warn(section.shown(), "certificates are verified always; VAULT_SKIP_VERIFY has no effect");
    return vault;
}

} // namespace rekey::config
