#include "rotation/alibaba/metadata.hpp"

#include "rotation/http/escape.hpp"

namespace rekey::rotation::alibaba {

namespace {

constexpr auto token_lasts = std::chrono::seconds(21600);
constexpr auto token_margin = std::chrono::seconds(60);
constexpr const char* roles = "/latest/meta-data/ram/security-credentials/";

http::ClientOptions client_options(const MetadataOptions& options) {
    http::ClientOptions client;
    client.store = "alibaba instance metadata";
    client.connect_timeout = options.timeout;
    client.retry.attempts = 1;
    return client;
}

} // namespace

Metadata::Metadata(MetadataOptions options) : options_(std::move(options)), client_(client_options(options_)) {}

http::Request Metadata::request_of(const char* method, const std::string& target) const {
    http::Request request;
    request.method = method;
    request.url = config::parse_http_url(options_.address).value_or(config::HttpUrl{});
    request.target = target;
    request.timeout = options_.timeout;
    return request;
}

// Empty, or what went wrong.
std::string Metadata::have_token() {
    if (Clock::now() < token_ends_ && (without_token_ || !token_.empty()))
        return {};
    auto request = request_of("PUT", "/latest/api/token");
    request.headers.push_back(
        {"X-aliyun-ecs-metadata-token-ttl-seconds", protocol::Secret(std::to_string(token_lasts.count()))});
    auto response = client_.send(request);
    if (response.status == 0)
        return std::move(response.error);
    bool older = response.status == 403 || response.status == 404 || response.status == 405;
    without_token_ = older && !options_.token_only;
    if (!response.ok() && !without_token_)
        return client_.name_of(request) + ": status " + std::to_string(response.status);
    token_ = response.ok() ? std::move(response.body) : protocol::Secret();
    token_ends_ = Clock::now() + token_lasts - token_margin;
    return {};
}

http::Response Metadata::ask(const std::string& target, std::string& error) {
    http::Response response;
    for (bool again : {true, false}) {
        error = have_token();
        if (!error.empty())
            return response;
        auto request = request_of("GET", target);
        if (!token_.empty())
            request.headers.push_back({"X-aliyun-ecs-metadata-token", token_.clone()});
        response = client_.send(request);
        if (response.status == 0)
            error = response.error;
        else if (!response.ok())
            error = client_.name_of(request) + ": status " + std::to_string(response.status);
        bool refused = response.status == 401 || response.status == 403;
        if (!refused || !again)
            break;
        token_ends_ = {}; // a token dies with the host that gave it
    }
    return response;
}

KeysResult Metadata::keys() {
    if (options_.address.empty())
        return {};
    std::string error;
    auto role = options_.role;
    if (role.empty()) {
        auto list = ask(roles, error);
        if (list.status == 404)
            return {};
        if (!error.empty())
            return {nullptr, std::move(error)};
        auto text = list.body.reveal();
        role = text.substr(0, text.find_first_of("\r\n"));
        if (role.empty())
            return {};
    }
    auto answer = ask(roles + http::escape(role), error);
    if (answer.status == 404)
        return {nullptr, "alibaba instance metadata: the instance does not have the role " + role};
    if (!error.empty())
        return {nullptr, std::move(error)};
    auto result = parse_keys(answer.body.reveal());
    if (!result.error.empty())
        result.error = "alibaba instance metadata: role " + role + ": " + result.error;
    return result;
}

} // namespace rekey::rotation::alibaba
