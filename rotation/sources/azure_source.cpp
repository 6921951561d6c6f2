// Azure's Key Vault: the latest version of a secret, or a chosen one.
#include "rotation/http/client.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/azure_token.hpp"
#include "rotation/sources/cloud_answers.hpp"
#include "rotation/sources/secret_text.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/version_hash.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace {

constexpr int unauthorized = 401;

http::ClientOptions client_options(const config::Azure& azure, Environment& environment,
                                   const config::Environment& variables, const http::RetryPolicy& retry,
                                   std::string& error) {
    http::ClientOptions options;
    options.store = "azure_key_vault";
    options.tls.ca = azure.ca;
    options.proxy = http::ProxySettings(variables, error);
    options.retry = retry;
    options.retry.status = http::is_passing_status;
    options.seed = environment.random(UINT64_MAX);
    return options;
}

bool is_version(std::string_view text) {
    constexpr std::size_t longest = 64;
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    });
}

// {"value", "id": "https://NAME.vault.azure.net/secrets/SECRET/VERSION"}
FetchResult parse_secret_bundle(std::string_view body, const config::SecretShape& shape) {
    FetchResult result;
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto value = root ? json_text(json_member(&*root, "value")) : std::string_view();
    auto id = root ? json_text(json_member(&*root, "id")) : std::string_view();
    auto version = id.substr(std::min(id.rfind('/') + 1, id.size())); // npos + 1 is 0
    if (value.empty() || !is_version(version)) {
        result.error = "the answer holds no \"value\", or no \"id\" with a version";
        return result;
    }
    result = read_secret_text(value, shape, Bare::password);
    if (result.credential)
        result.credential->version = version;
    return result;
}

class AzureStore final : public RemoteStore {
  public:
    AzureStore(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
               const config::Environment& variables, const http::RetryPolicy& retry)
        : azure_(source.azure), timeout_(source.timeout),
          options_(client_options(*azure_, environment, variables, retry, broken_)),
          tokens_(azure_, timeout_, options_), cache_([this](const Moment& moment) { return tokens_.ask(moment); }),
          client_(options_), versions_(version_key, environment) {}

    RemoteReply fetch(const Moment& moment) override {
        RemoteReply reply;
        if (!broken_.empty()) {
            reply.result.error = options_.store + ": " + broken_;
            return reply;
        }
        for (bool again : {true, false}) {
            auto token = cache_.get(moment);
            if (!token.error.empty()) {
                reply.result.error = std::move(token.error);
                reply.store_failed = token.store_failed;
                return reply;
            }
            int status = 0;
            reply = get(token.token, status);
            if (status != unauthorized || !again)
                break;
            cache_.forget(); // perhaps it was taken back before its end
        }
        return reply;
    }

    void cancel() override {
        tokens_.cancel();
        client_.cancel();
    }

  private:
    RemoteReply get(const protocol::Secret& token, int& status) {
        http::Request request;
        request.url = config::parse_http_url(azure_->address).value_or(config::HttpUrl{});
        auto version = azure_->version.empty() ? std::string() : "/" + azure_->version;
        request.target = "/secrets/" + azure_->secret + version + "?api-version=7.4";
        request.timeout = timeout_;
        request.headers.push_back(bearer(token));
        auto response = client_.send(request);
        status = response.status;
        RemoteReply reply;
        reply.store_failed = !response.ok() && is_store_failure(status);
        if (status == 0)
            reply.result.error = std::move(response.error);
        else if (!response.ok())
            reply.result.error = client_.name_of(request) + ": " + explain_cloud_status(status, response.body.reveal());
        else
            reply.result = read(response, client_.name_of(request));
        return reply;
    }

    FetchResult read(const http::Response& response, const std::string& name) const {
        auto result = parse_secret_bundle(response.body.reveal(), azure_->shape);
        if (!result.credential) {
            result.error = name + ": " + result.error;
            return result;
        }
        auto& credential = *result.credential;
        credential.version = full_version(credential.version, versions_.of(credential));
        return result;
    }

    std::shared_ptr<const config::Azure> azure_;
    std::chrono::milliseconds timeout_;
    std::string broken_; // why it can never be asked
    http::ClientOptions options_;
    AzureTokens tokens_;
    TokenCache cache_;
    http::Client client_;
    VersionHash versions_;
};

} // namespace

std::unique_ptr<Source> make_azure_source(const config::Source& source, Environment& environment,
                                          const protocol::Secret& version_key, const config::Environment& variables,
                                          const http::RetryPolicy& retry) {
    return make_remote_source("azure_key_vault",
                              std::make_shared<AzureStore>(source, environment, version_key, variables, retry),
                              environment);
}

} // namespace rekey::rotation
