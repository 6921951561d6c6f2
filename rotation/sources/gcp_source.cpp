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

constexpr int unauthorized = 401;

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
        for (bool again : {true, false}) {
            auto token = cache_.get(moment);
            if (!token.error.empty()) {
                reply.result.error = std::move(token.error);
                reply.store_failed = token.store_failed;
                return reply;
            }
            int status = 0;
            reply = access(token.token, status);
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

    RemoteReply access(const protocol::Secret& token, int& status) {
        http::Request request;
        request.url = config::parse_http_url(gcp_endpoint(*gcp_)).value_or(config::HttpUrl{});
        request.target = "/v1/" + version_name_ + ":access";
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
        auto result = parse_gcp_version(response.body.reveal(), *gcp_);
        if (!result.credential) {
            result.error = name + ": " + result.error;
            return result;
        }
        auto& credential = *result.credential;
        credential.version = full_version(credential.version, versions_.of(credential));
        return result;
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
