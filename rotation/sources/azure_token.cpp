#include "rotation/sources/azure_token.hpp"

#include "config/aws_endpoint.hpp"
#include "rotation/sources/cloud_answers.hpp"
#include "rotation/sources/secret_file.hpp"

namespace rekey::rotation {

namespace {

constexpr const char* assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

// The metadata are not there for some time after a start (404) and while they are renewed (410).
bool is_passing_for_machine(int status) {
    return status == 404 || status == 410 || http::is_passing_status(status);
}

http::ClientOptions machine_options(const http::ClientOptions& service) {
    http::ClientOptions options;
    options.store = service.store;
    options.connect_timeout = std::chrono::seconds(3); // it is on this machine, or there is none
    options.retry = service.retry;
    options.retry.status = is_passing_for_machine;
    options.seed = service.seed;
    return options;
}

// Where nobody else can listen: this host, and addresses that are not routed.
bool may_be_asked(const config::HttpUrl& url) {
    return config::is_protected(url) || url.host.starts_with("169.254.") || url.host.starts_with("fe80:");
}

} // namespace

std::string azure_resource(const config::Azure& azure) {
    auto url = config::parse_http_url(azure.address).value_or(config::HttpUrl{});
    for (const char* cloud : {"vault.azure.cn", "vault.usgovcloudapi.net"})
        if (url.host.ends_with("." + std::string(cloud)))
            return "https://" + std::string(cloud);
    return "https://vault.azure.net";
}

AzureTokens::AzureTokens(std::shared_ptr<const config::Azure> azure, std::chrono::milliseconds timeout,
                         http::ClientOptions client)
    : azure_(std::move(azure)), timeout_(timeout), name_(client.store), machine_(machine_options(client)),
      service_(std::move(client)) {}

void AzureTokens::cancel() {
    machine_.cancel();
    service_.cancel();
}

TokenReply AzureTokens::ask(const Moment& moment) {
    return azure_->identity == config::AzureIdentity::managed ? of_machine(moment) : of_application(moment);
}

TokenReply AzureTokens::of_machine(const Moment& moment) {
    bool app_service = !azure_->identity_header.empty();
    auto url = config::parse_http_url(azure_->identity_endpoint);
    if (!url || !may_be_asked(*url)) {
        TokenReply reply;
        reply.error = name_ + ": " + (app_service ? "IDENTITY_ENDPOINT" : "AZURE_POD_IDENTITY_AUTHORITY_HOST") +
                      " is neither https nor of this host";
        return reply;
    }
    auto query = form_text({{"api-version", app_service ? "2019-08-01" : "2018-02-01"},
                            {"resource", azure_resource(*azure_)},
                            {"client_id", azure_->client_id}});
    http::Request request;
    request.target = url->path + (app_service ? "?" : "/metadata/identity/oauth2/token?") + std::string(query.reveal());
    request.url = *url;
    request.url.path.clear();
    request.timeout = timeout_;
    if (app_service)
        request.headers.push_back({"X-IDENTITY-HEADER", azure_->identity_header.clone()});
    else
        request.headers.push_back({"Metadata", protocol::Secret("true")});
    return read_token_reply(machine_.send(request), machine_.name_of(request), moment);
}

// The proof is read anew: the kubelet renews federated tokens in place.
TokenReply AzureTokens::of_application(const Moment& moment) {
    TokenReply reply;
    protocol::Secret proof;
    if (auto error = read_secret(azure_->proof, proof); !error.empty()) {
        reply.error = name_ + ": " + error;
        return reply;
    }
    bool federated = azure_->identity == config::AzureIdentity::workload;
    auto scope = azure_resource(*azure_) + "/.default";
    auto body = form_text({{"grant_type", "client_credentials"},
                           {"client_id", azure_->client_id},
                           {"scope", scope},
                           {"client_assertion_type", federated ? assertion_type : ""},
                           {federated ? "client_assertion" : "client_secret", proof.reveal()}});
    http::Request request;
    request.method = "POST";
    request.url = config::parse_http_url(azure_->authority).value_or(config::HttpUrl{});
    request.target = "/" + azure_->tenant + "/oauth2/v2.0/token";
    request.timeout = timeout_;
    request.body = body.reveal();
    request.headers.push_back({"Content-Type", protocol::Secret("application/x-www-form-urlencoded")});
    return read_token_reply(service_.send(request), service_.name_of(request), moment);
}

} // namespace rekey::rotation
