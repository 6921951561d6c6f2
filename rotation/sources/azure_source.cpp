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
        http::Request request;
        request.url = config::parse_http_url(azure_->address).value_or(config::HttpUrl{});
        auto version = azure_->version.empty() ? std::string() : "/" + azure_->version;
        request.target = "/secrets/" + azure_->secret + version + "?api-version=7.4";
        request.timeout = timeout_;
        auto ask = [&](const protocol::Secret& token) {
            request.headers.clear();
            request.headers.push_back(bearer(token));
            return client_.send(request);
        };
        auto read = [this](std::string_view body) { return parse_secret_bundle(body, azure_->shape); };
        reply = ask_with_token(cache_, moment, client_.name_of(request), ask, read);
        if (auto& credential = reply.result.credential)
            credential->version = full_version(credential->version, versions_.of(*credential));
        return reply;
    }

    void cancel() override {
        tokens_.cancel();
        client_.cancel();
    }

  private:
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
