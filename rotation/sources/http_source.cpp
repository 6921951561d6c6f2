// Any service that answers a request with a JSON object which holds user name and password.
#include "rotation/http/client.hpp"
#include "rotation/sources/remote_source.hpp"
#include "rotation/sources/secret_file.hpp"
#include "rotation/sources/secret_text.hpp"
#include "rotation/sources/sources.hpp"
#include "rotation/sources/version_hash.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace {

constexpr int not_modified = 304;

const char* meaning(int status) {
    switch (status) {
    case 204:
        return "it has nothing to say";
    case 400:
        return "the request is refused";
    case 401:
        return "it does not know who asks: a header with a token is missing, wrong or too old";
    case 403:
        return "who asks may not read this";
    case 404:
    case 410:
        return "there is nothing at this address";
    case 429:
        return "its rate limit is exceeded";
    default:
        return status >= 500                   ? "it has failed"
               : status >= 300 && status < 400 ? "redirects are not followed"
                                               : "unexpected";
    }
}

http::ClientOptions client_options(const config::HttpStore& store, Environment& environment,
                                   const config::Environment& variables, const http::RetryPolicy& retry,
                                   std::string& error) {
    http::ClientOptions options;
    options.store = "http";
    options.tls = {store.ca, {}, store.certificate, store.key, store.server_name};
    options.proxy = http::ProxySettings(variables, error);
    options.retry = retry;
    options.retry.status = http::is_passing_status;
    options.seed = environment.random(UINT64_MAX);
    return options;
}

Fetched clone(const Fetched& credential) {
    Fetched copy;
    copy.username = credential.username;
    copy.password = credential.password.clone();
    copy.version = credential.version;
    copy.not_after = credential.not_after;
    return copy;
}

class HttpStore final : public RemoteStore {
  public:
    HttpStore(const config::Source& source, Environment& environment, const protocol::Secret& version_key,
              const config::Environment& variables, const http::RetryPolicy& retry)
        : store_(source.http), timeout_(source.timeout),
          client_(client_options(*store_, environment, variables, retry, broken_)),
          versions_(version_key, environment) {}

    RemoteReply fetch(const Moment&) override {
        RemoteReply reply;
        http::Request request;
        protocol::Secret body;
        reply.result.error = broken_.empty() ? prepare(request, body) : broken_;
        if (!reply.result.error.empty()) {
            reply.result.error = "http: " + reply.result.error;
            return reply;
        }
        auto response = client_.send(request);
        reply.store_failed = !response.ok() && is_store_failure(response.status);
        if (response.status == 0)
            reply.result.error = std::move(response.error);
        else if (response.status == not_modified && last_)
            reply.result.credential = clone(*last_);
        else if (!response.ok() || response.body.empty())
            reply.result.error = client_.name_of(request) + ": status " + std::to_string(response.status) + ": " +
                                 meaning(response.ok() ? 204 : response.status);
        else
            reply.result = read(response, client_.name_of(request));
        return reply;
    }

    void cancel() override { client_.cancel(); }

  private:
    // Empty, or what went wrong. Files are read anew: tokens are renewed in place.
    std::string prepare(http::Request& request, protocol::Secret& body) const {
        auto question = std::min(store_->url.find('?'), store_->url.size());
        request.url =
            config::parse_http_url(std::string_view(store_->url).substr(0, question)).value_or(config::HttpUrl{});
        request.target = (request.url.path.empty() ? "/" : request.url.path) + store_->url.substr(question);
        request.url.path.clear();
        request.method = store_->method;
        request.timeout = timeout_;
        request.repeatable = store_->method == "GET";
        for (const auto& header : store_->headers) {
            protocol::Secret value;
            if (auto error = read_secret(header.value, value); !error.empty())
                return error;
            std::string text;
            text.reserve(header.prefix.size() + value.size());
            text.append(header.prefix).append(value.reveal());
            request.headers.push_back({header.name, protocol::Secret::take(text)});
        }
        if (last_ && !tag_.empty())
            request.headers.push_back({"If-None-Match", protocol::Secret(tag_)});
        if (!store_->body.given())
            return {};
        auto error = read_secret(store_->body, body);
        request.body = body.reveal();
        return error;
    }

    FetchResult read(const http::Response& response, const std::string& name) {
        auto result = read_secret_text(response.body.reveal(), store_->shape, Bare::refused);
        tag_.clear();
        last_.reset();
        if (!result.credential) {
            result.error = name + ": " + result.error;
            return result;
        }
        auto& credential = *result.credential;
        credential.version = full_version(credential.version, versions_.of(credential));
        constexpr std::size_t longest_tag = 1024;
        auto tag = response.head.header("ETag");
        if (!tag.empty() && tag.size() <= longest_tag && http::is_header_value(tag)) {
            tag_ = std::move(tag);
            last_ = clone(credential);
        }
        return result;
    }

    std::shared_ptr<const config::HttpStore> store_;
    std::chrono::milliseconds timeout_;
    std::string broken_; // why it can never be asked
    http::Client client_;
    VersionHash versions_;
    std::string tag_;             // of `last_`
    std::optional<Fetched> last_; // what is meant when the service says that nothing has changed
};

} // namespace

std::unique_ptr<Source> make_http_source(const config::Source& source, Environment& environment,
                                         const protocol::Secret& version_key, const config::Environment& variables,
                                         const http::RetryPolicy& retry) {
    return make_remote_source("http", std::make_shared<HttpStore>(source, environment, version_key, variables, retry),
                              environment);
}

} // namespace rekey::rotation
