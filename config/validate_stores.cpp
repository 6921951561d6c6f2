#include "config/aws_endpoint.hpp"
#include "config/config.hpp"
#include "config/validate.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

bool consists_of(std::string_view text, std::string_view others) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

void validate_address(std::string_view address, const std::string& path, const char* expected, bool with_path,
                      Problems& problems) {
    if (problems.bad(path))
        return;
    auto url = parse_http_url(address);
    if (!url || (!with_path && !url->path.empty()))
        return problems.error(path, std::string("expects ") + expected);
    if (!is_protected(*url))
        problems.error(path, "expects https: secrets would cross the network in the clear");
}

// RFC 6901: a tilde says how it is meant.
bool is_pointer(std::string_view text) {
    for (auto tilde = text.find('~'); tilde != std::string_view::npos; tilde = text.find('~', tilde + 1))
        if (tilde + 1 == text.size() || (text[tilde + 1] != '0' && text[tilde + 1] != '1'))
            return false;
    return true;
}

void validate_shape(const SecretShape& shape, const std::string& path, Problems& problems) {
    for (auto [key, field] : {std::pair("username", &shape.username), std::pair("password", &shape.password),
                              std::pair("version", &shape.version), std::pair("expiration", &shape.expiration),
                              std::pair("host", &shape.endpoint.host), std::pair("port", &shape.endpoint.port),
                              std::pair("database", &shape.endpoint.database), std::pair("url", &shape.endpoint.url)})
        if (field->starts_with('/') && !is_pointer(*field))
            problems.error(path + ".fields." + key, "is no JSON pointer: a tilde is written ~0, a slash ~1");
}

// What the client sets itself, and what would change where a request ends.
bool is_own_header(std::string_view name) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    for (std::string_view own : {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te",
                                 "accept", "user-agent", "if-none-match", "proxy-authorization"})
        if (lower == own)
            return true;
    return false;
}

void validate_headers(const HttpStore& http, const std::string& path, Problems& problems) {
    for (const auto& header : http.headers) {
        auto shown = path + "[" + header.name + "]";
        if (!consists_of(header.name, "!#$%&'*+-.^_`|~"))
            problems.error(shown + ".name", "is no name of a header");
        else if (is_own_header(header.name))
            problems.error(shown + ".name", "is a header that Rekey sets itself");
        if (!std::all_of(header.prefix.begin(), header.prefix.end(), [](char c) { return c >= ' ' && c < 127; }))
            problems.error(shown + ".prefix", "expects printable ASCII");
    }
}

bool is_gcp_secret(const Gcp& gcp) {
    if (consists_of(gcp.secret, "-_"))
        return true;
    // projects/P/secrets/S or projects/P/locations/L/secrets/S; a project may belong to a domain (example.com:p)
    if (!consists_of(gcp.secret, "-_/:.") || !gcp.secret.starts_with("projects/"))
        return false;
    auto slashes = std::count(gcp.secret.begin(), gcp.secret.end(), '/');
    bool regional = gcp.secret.find("/locations/") != std::string::npos;
    return gcp.secret.find("/secrets/") != std::string::npos && gcp.secret.find("//") == std::string::npos &&
           !gcp.secret.ends_with('/') && slashes == (regional ? 5 : 3);
}

void validate_proof(const Azure& azure, const std::string& path, Problems& problems) {
    auto needs = [&](bool there, const char* key, const char* message) {
        if (!there && !problems.bad(path + "." + key))
            problems.error(path + "." + key, message);
    };
    if (azure.identity == AzureIdentity::managed)
        return;
    validate_address(azure.authority, path + ".authority", "https://host", false, problems);
    needs(consists_of(azure.tenant, "-."), "tenant", "is missing or no tenant's, and AZURE_TENANT_ID tells none");
    needs(!azure.client_id.empty(), "client_id", "is missing, and AZURE_CLIENT_ID is not set");
    if (azure.identity == AzureIdentity::client_secret)
        needs(azure.proof.given(), "client_secret", "is missing, and AZURE_CLIENT_SECRET is not set");
    else
        needs(azure.proof.given(), "identity", "workload needs AZURE_FEDERATED_TOKEN_FILE");
}

} // namespace

void validate_file(const Source& source, const std::string& path, Problems& problems) {
    if (problems.bad(path + ".format") || problems.bad(path + ".user"))
        return;
    using enum DocumentFormat;
    if (source.format == properties || source.format == yaml || source.format == json)
        problems.error(path + ".format", "expects auto, password, pgpass or my_cnf with type: file");
    if (source.format == DocumentFormat::password && source.user.empty())
        problems.error(path + ".user", "is missing; format password needs one");
}

void validate_http(const HttpStore& http, const std::string& path, Problems& problems) {
    auto question = std::min(http.url.find('?'), http.url.size());
    auto query = std::string_view(http.url).substr(question);
    bool printable = std::all_of(query.begin(), query.end(), [](char c) { return c > ' ' && c < 127 && c != '#'; });
    if (!printable && !problems.bad(path + ".url"))
        problems.error(path + ".url", "expects https://host/path?query, escaped and without a fragment");
    else
        validate_address(std::string_view(http.url).substr(0, question), path + ".url", "https://host/path?query", true,
                         problems);
    validate_headers(http, path + ".headers", problems);
    validate_shape(http.shape, path, problems);
    if (http.certificate.empty() != http.key.empty())
        problems.error(path + (http.key.empty() ? ".key" : ".certificate"),
                       "is missing; certificate and key go together");
}

void validate_gcp(const Gcp& gcp, const std::string& path, Problems& problems) {
    if (!problems.bad(path + ".secret") && !is_gcp_secret(gcp))
        problems.error(path + ".secret", "expects the name of a secret, or projects/PROJECT/secrets/NAME");
    if (!problems.bad(path + ".project") && !gcp.project.empty() && !consists_of(gcp.project, "-:."))
        problems.error(path + ".project", "expects the id or the number of a project");
    if (!problems.bad(path + ".location") && !gcp.location.empty() && !consists_of(gcp.location, "-"))
        problems.error(path + ".location", "expects a location such as europe-west1");
    if (!problems.bad(path + ".version") && !consists_of(gcp.version, "-_"))
        problems.error(path + ".version", "expects a number, an alias or latest");
    if (!gcp.endpoint.empty())
        validate_address(gcp.endpoint, path + ".endpoint", "https://host", false, problems);
    validate_shape(gcp.shape, path, problems);
}

void validate_azure(const Azure& azure, const std::string& path, Problems& problems) {
    if (azure.address.empty() && !problems.bad(path + ".address"))
        problems.error(path + ".address", "is missing: https://NAME.vault.azure.net");
    else
        validate_address(azure.address, path + ".address", "https://NAME.vault.azure.net", false, problems);
    if (!problems.bad(path + ".secret") && !consists_of(azure.secret, "-"))
        problems.error(path + ".secret", "expects the name of a secret: letters, digits and hyphens");
    if (!problems.bad(path + ".version") && !azure.version.empty() && !consists_of(azure.version, ""))
        problems.error(path + ".version", "expects the id of a version");
    validate_proof(azure, path, problems);
    validate_shape(azure.shape, path, problems);
}

} // namespace rekey::config
