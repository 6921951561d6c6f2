#include "rotation/sources/gcp_token.hpp"

#include "config/aws_endpoint.hpp"
#include "rotation/sources/cloud_answers.hpp"
#include "rotation/sources/gcp_key.hpp"
#include "rotation/sources/secret_file.hpp"

namespace rekey::rotation {

namespace {

constexpr const char* token_path = "/computeMetadata/v1/instance/service-accounts/default/token";
constexpr const char* grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr const char* flavor = "Google";

http::ClientOptions metadata_options(const http::ClientOptions& service) {
    http::ClientOptions options;
    options.store = service.store;
    options.connect_timeout = std::chrono::seconds(3); // it is on this machine, or there is none
    options.retry = service.retry;
    options.seed = service.seed;
    return options;
}

ServiceAccountKey read_key(const std::string& file) {
    ServiceAccountKey key;
    protocol::Secret text;
    key.error = read_secret({file, {}}, text);
    if (!key.error.empty())
        return key;
    key = parse_service_account_key(text.reveal());
    if (!key.error.empty())
        key.error = file + ": " + key.error;
    return key;
}

} // namespace

GcpTokens::GcpTokens(std::shared_ptr<const config::Gcp> gcp, std::chrono::milliseconds timeout,
                     http::ClientOptions client)
    : gcp_(std::move(gcp)), timeout_(timeout), name_(client.store), metadata_(metadata_options(client)),
      service_(std::move(client)) {}

void GcpTokens::cancel() {
    metadata_.cancel();
    service_.cancel();
}

std::string GcpTokens::project(std::string& error) const {
    if (gcp_->credentials_file.empty())
        return {};
    auto key = read_key(gcp_->credentials_file);
    error = std::move(key.error);
    return error.empty() ? key.project : std::string();
}

TokenReply GcpTokens::ask(const Moment& moment) {
    return gcp_->credentials_file.empty() ? of_metadata(moment) : of_key(moment);
}

TokenReply GcpTokens::of_metadata(const Moment& moment) {
    http::Request request;
    auto url = config::parse_http_url("http://" + gcp_->metadata_host);
    if (!url || !url->path.empty()) {
        TokenReply reply;
        reply.error = name_ + ": GCE_METADATA_HOST is no host:port";
        return reply;
    }
    request.url = *url;
    request.target = token_path;
    request.timeout = timeout_;
    request.headers.push_back({"Metadata-Flavor", protocol::Secret(flavor)});
    auto response = metadata_.send(request);
    // Whatever else may answer at this address is not to be believed.
    if (response.status != 0 && response.head.header("Metadata-Flavor") != flavor) {
        TokenReply reply;
        reply.error = metadata_.name_of(request) + ": this is not Google's metadata server (no Metadata-Flavor)";
        return reply;
    }
    auto reply = read_token_reply(std::move(response), metadata_.name_of(request), moment);
    if (!reply.error.empty())
        reply.error += "; a service account's key (credentials_file) is the other way to a token";
    return reply;
}

TokenReply GcpTokens::of_key(const Moment& moment) {
    TokenReply reply;
    auto key = read_key(gcp_->credentials_file);
    auto url = config::parse_http_url(key.token_uri);
    if (key.error.empty() && (!url || !config::is_protected(*url)))
        key.error = gcp_->credentials_file + ": \"token_uri\" is no https address";
    protocol::Secret assertion;
    if (key.error.empty()) {
        assertion = sign_assertion(key, moment.wall, key.error);
        if (!key.error.empty())
            key.error = gcp_->credentials_file + ": " + key.error;
    }
    if (!key.error.empty()) {
        reply.error = name_ + ": " + key.error;
        return reply;
    }
    auto body = form_text({{"grant_type", grant}, {"assertion", assertion.reveal()}});
    http::Request request;
    request.method = "POST";
    request.target = url->path.empty() ? "/" : url->path;
    request.url = *url;
    request.url.path.clear();
    request.timeout = timeout_;
    request.body = body.reveal();
    request.headers.push_back({"Content-Type", protocol::Secret("application/x-www-form-urlencoded")});
    return read_token_reply(service_.send(request), service_.name_of(request), moment);
}

} // namespace rekey::rotation
