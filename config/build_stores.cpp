// Stores that are asked over HTTP: any that answers with JSON, Google Cloud's and Azure's.
#include "config/build.hpp"

namespace rekey::config {

namespace {

constexpr const char* google_metadata = "metadata.google.internal";
constexpr const char* azure_authority = "https://login.microsoftonline.com";
constexpr const char* azure_metadata = "http://169.254.169.254";

std::string variable_or(const Building& building, const char* name, const std::string& otherwise = {}) {
    return building.secrets.variable(name).value_or(otherwise);
}

std::string text_or(const Section& section, std::string_view key, const Building& building, const char* name,
                    const std::string& otherwise = {}) {
    return section.has(key) ? section.text(key) : variable_or(building, name, otherwise);
}

std::string without_slash(std::string text) {
    while (text.ends_with('/'))
        text.pop_back();
    return text;
}

SecretShape build_shape(const Section& section) {
    auto fields = section.section("fields");
    return {fields.text("username"),   fields.text("password"), fields.text("version"),
            fields.text("expiration"), section.text("user"),    build_endpoint_fields(fields)};
}

SecretReference reference(const Section& section, std::string_view key, Building& building) {
    return building.secrets.reference(section.node(key), section.shown(key));
}

SecretReference client_secret(const Section& section, Building& building) {
    auto secret = reference(section, "client_secret", building);
    if (section.has("client_secret"))
        return secret;
    if (auto value = building.secrets.variable("AZURE_CLIENT_SECRET"))
        secret.value = protocol::Secret::take(*value);
    return secret;
}

// As the SDKs choose where nothing is said.
AzureIdentity azure_identity(AzureIdentity configured, bool secret, bool token) {
    if (configured != AzureIdentity::automatic)
        return configured;
    return secret ? AzureIdentity::client_secret : token ? AzureIdentity::workload : AzureIdentity::managed;
}

} // namespace

std::shared_ptr<const HttpStore> build_http(const Section& section, Building& building) {
    auto http = std::make_shared<HttpStore>();
    http->url = section.text("url");
    http->method = section.text("method");
    for (const auto& entry : section.entries("headers"))
        http->headers.push_back({entry.text("name"), entry.text("prefix"), reference(entry, "value", building)});
    http->body = reference(section, "body", building);
    http->ca = section.path("ca");
    http->certificate = section.path("certificate");
    http->key = section.path("key");
    http->server_name = section.text("server_name");
    http->shape = build_shape(section);
    return http;
}

std::shared_ptr<const Gcp> build_gcp(const Section& section, Building& building) {
    auto gcp = std::make_shared<Gcp>();
    gcp->secret = section.text("secret");
    gcp->project = text_or(section, "project", building, "GOOGLE_CLOUD_PROJECT");
    gcp->location = section.text("location");
    gcp->version = section.has("version") ? section.text("version") : "latest";
    gcp->endpoint = without_slash(section.text("endpoint"));
    gcp->ca = section.path("ca");
    gcp->credentials_file = section.has("credentials_file") ? section.path("credentials_file")
                                                            : variable_or(building, "GOOGLE_APPLICATION_CREDENTIALS");
    gcp->metadata_host = variable_or(building, "GCE_METADATA_HOST", google_metadata);
    gcp->shape = build_shape(section);
    return gcp;
}

std::shared_ptr<const Azure> build_azure(const Section& section, Building& building) {
    auto azure = std::make_shared<Azure>();
    azure->address = without_slash(section.text("address"));
    azure->secret = section.text("secret");
    azure->version = section.text("version");
    azure->authority = without_slash(text_or(section, "authority", building, "AZURE_AUTHORITY_HOST", azure_authority));
    azure->tenant = text_or(section, "tenant", building, "AZURE_TENANT_ID");
    azure->client_id = text_or(section, "client_id", building, "AZURE_CLIENT_ID");
    azure->ca = section.path("ca");
    azure->shape = build_shape(section);
    auto secret = client_secret(section, building);
    auto token = variable_or(building, "AZURE_FEDERATED_TOKEN_FILE");
    azure->identity = azure_identity(section.choice<AzureIdentity>("identity"), secret.given(), !token.empty());
    if (azure->identity == AzureIdentity::client_secret)
        azure->proof = std::move(secret);
    if (azure->identity == AzureIdentity::workload)
        azure->proof.file = token;
    azure->identity_endpoint = variable_or(building, "AZURE_POD_IDENTITY_AUTHORITY_HOST", azure_metadata);
    // App Service has an endpoint of its own.
    auto endpoint = building.secrets.variable("IDENTITY_ENDPOINT"),
         header = building.secrets.variable("IDENTITY_HEADER");
    if (endpoint && header) {
        azure->identity_endpoint = *endpoint;
        azure->identity_header = protocol::Secret::take(*header);
    }
    return azure;
}

} // namespace rekey::config
