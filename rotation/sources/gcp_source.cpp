// Google Cloud's Secret Manager: the latest version of a secret, or a chosen one.
#include "rotation/http/client.hpp"
#include "rotation/sources/cloud_answers.hpp"
#include "rotation/sources/gcp_api.hpp"
#include "rotation/sources/gcp_token.hpp"
#include "rotation/sources/secret_text.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/version_hash.hpp"

namespace rekey::rotation {

namespace {

http::ClientOptions client_options(const config::Gcp& gcp, Environment& environment,
                                   const config::Environment& variables, const http::RetryPolicy& retry,
                                   std::string& error) {
    http::ClientOptions options;
    options.store = "gcp_secret_manager";
    options.tls.ca = gcp.ca;
    options.proxy = http::ProxySettings(variables, error);
    options.retry = retry;
    options.retry.status = http::is_passing_status;
    options.seed = environment.random(UINT64_MAX);
    return options;
}

class GcpStore final : public RemoteStore {
  public:
    GcpStore(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
             const config::Environment& variables, const http::RetryPolicy& retry)
        : gcp_(source.gcp), timeout_(source.timeout),
          options_(client_options(*gcp_, environment, variables, retry, broken_)), tokens_(gcp_, timeout_, options_),
          cache_([this](const Moment& moment) { return tokens_.ask(moment); }), client_(options_),
          versions_(version_key, environment) {}

    RemoteReply fetch(const Moment& moment) override {
        RemoteReply reply;
        reply.result.error = broken_.empty() ? find_version() : broken_;
        if (!reply.result.error.empty()) {
            reply.result.error = options_.store + ": " + reply.result.error;
            return reply;
        }
        http::Request request;
        request.url = config::parse_http_url(gcp_endpoint(*gcp_)).value_or(config::HttpUrl{});
        request.target = "/v1/" + version_name_ + ":access";
        request.timeout = timeout_;
        auto ask = [&](const protocol::Secret& token) {
            request.headers.clear();
            request.headers.push_back(bearer(token));
            return client_.send(request);
        };
        auto read = [this](std::string_view body) { return parse_gcp_version(body, *gcp_); };
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
    // Empty, or why there is none. What the key file says may change.
    std::string find_version() {
        std::string project = gcp_->project, error;
        if (project.empty() && !gcp_->secret.starts_with("projects/"))
            project = tokens_.project(error);
        version_name_ = gcp_version_name(*gcp_, project);
        if (!version_name_.empty() || !error.empty())
            return error;
        return "no project is known: neither `project` nor GOOGLE_CLOUD_PROJECT nor a key file names one";
    }

    std::shared_ptr<const config::Gcp> gcp_;
    std::chrono::milliseconds timeout_;
    std::string broken_; // why it can never be asked
    http::ClientOptions options_;
    GcpTokens tokens_;
    TokenCache cache_;
    http::Client client_;
    VersionHash versions_;
    std::string version_name_;
};

} // namespace

std::unique_ptr<Source> make_gcp_source(const config::Source& source, Environment& environment,
                                        const protocol::Secret& version_key, const config::Environment& variables,
                                        const http::RetryPolicy& retry) {
    return make_remote_source("gcp_secret_manager",
                              std::make_shared<GcpStore>(source, environment, version_key, variables, retry),
                              environment);
}

} // namespace rekey::rotation
