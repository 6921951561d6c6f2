#include "rotation/aws/metadata.hpp"

#include "config/aws_endpoint.hpp"
#include "rotation/sources/secret_file.hpp"

namespace rekey::rotation::aws {

namespace {

constexpr auto container_timeout = std::chrono::seconds(2);
constexpr auto token_lasts = std::chrono::seconds(21600);
constexpr auto token_margin = std::chrono::seconds(60);
constexpr const char* container_host = "http://169.254.170.2";
constexpr const char* roles = "/latest/meta-data/iam/security-credentials/";

http::ClientOptions container_options(const MetadataOptions& options) {
    http::ClientOptions client;
    client.store = "aws container credentials";
    client.tls.ca = options.ca;
    client.connect_timeout = container_timeout;
    client.retry.attempts = 3;
    client.retry.least = client.retry.most = options.pause;
    client.retry.status = http::is_passing_status;
    client.seed = options.seed;
    return client;
}

http::ClientOptions instance_options(const MetadataOptions& options) {
    http::ClientOptions client;
    client.store = "aws instance metadata";
    client.connect_timeout = options.timeout;
    client.retry.attempts = 1;
    client.seed = options.seed;
    return client;
}

std::string instance_base(const Variables& variables) {
    if (variables.is_true("AWS_EC2_METADATA_DISABLED"))
        return {};
    auto endpoint = variables.text("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (!endpoint.empty())
        return endpoint;
    auto mode = variables.text("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    return mode == "IPv6" || mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find_first_of("\r\n")));
}

} // namespace

bool may_be_asked(const config::HttpUrl& url) {
    return config::is_protected(url) || url.host == "169.254.170.2" || url.host == "169.254.170.23" ||
           url.host == "fd00:ec2::23";
}

Metadata::Metadata(const Variables& variables, const MetadataOptions& options)
    : variables_(variables), options_(options), container_(container_options(options)),
      instance_(instance_options(options)), base_(instance_base(variables)) {}

void Metadata::cancel() {
    container_.cancel();
    instance_.cancel();
}

std::string Metadata::container_url(std::string& error) const {
    auto relative = variables_.text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    if (!relative.empty() && !relative.starts_with('/'))
        error = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /";
    return relative.empty() ? variables_.text("AWS_CONTAINER_CREDENTIALS_FULL_URI") : container_host + relative;
}

// A file is read for every call, because the agent renews it.
std::string Metadata::authorization(protocol::Secret& token) const {
    auto file = variables_.text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file.empty())
        return read_secret({file, {}}, token);
    token = variables_.secret("AWS_CONTAINER_AUTHORIZATION_TOKEN").clone();
    return {};
}

KeysResult Metadata::container() {
    std::string error;
    auto address = container_url(error);
    if (address.empty())
        return {};
    auto question = std::min(address.find('?'), address.size());
    auto url = config::parse_http_url(std::string_view(address).substr(0, question));
    if (error.empty() && (!url || !may_be_asked(*url)))
        error = "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this host";
    http::Request request;
    protocol::Secret token;
    if (error.empty())
        error = authorization(token);
    if (!error.empty())
        return {nullptr, "aws container credentials: " + error};
    request.target = (url->path.empty() ? "/" : url->path) + address.substr(question);
    url->path.clear();
    request.url = *url;
    request.timeout = 3 * (container_timeout + options_.pause);
    if (!token.empty())
        request.headers.push_back({"Authorization", std::move(token)});
    auto response = container_.send(request);
    if (response.status == 0)
        return {nullptr, std::move(response.error)};
    auto name = container_.name_of(request);
    if (!response.ok())
        return {nullptr, name + ": status " + std::to_string(response.status)};
    auto result = parse_keys_json(response.body.reveal());
    if (!result.error.empty())
        result.error = name + ": " + result.error;
    return result;
}

// Empty, or what went wrong.
std::string Metadata::have_token() {
    if (Clock::now() < token_ends_ && (without_token_ || !token_.empty()))
        return {};
    http::Request request;
    request.method = "PUT";
    request.url = config::parse_http_url(base_).value_or(config::HttpUrl{});
    request.target = "/latest/api/token";
    request.timeout = options_.timeout;
    request.headers.push_back(
        {"X-aws-ec2-metadata-token-ttl-seconds", protocol::Secret(std::to_string(token_lasts.count()))});
    auto response = instance_.send(request);
    if (response.status == 0)
        return std::move(response.error);
    bool older = response.status == 403 || response.status == 404 || response.status == 405;
    without_token_ = older && !variables_.is_true("AWS_EC2_METADATA_V1_DISABLED");
    if (!response.ok() && !without_token_)
        return instance_.name_of(request) + ": status " + std::to_string(response.status);
    token_ = response.ok() ? std::move(response.body) : protocol::Secret();
    token_ends_ = Clock::now() + token_lasts - token_margin;
    return {};
}

http::Response Metadata::ask_instance(const char* method, const std::string& target, std::string& error) {
    http::Response response;
    for (bool again : {true, false}) {
        error = have_token();
        if (!error.empty())
            return response;
        http::Request request;
        request.method = method;
        request.url = config::parse_http_url(base_).value_or(config::HttpUrl{});
        request.target = target;
        request.timeout = options_.timeout;
        if (!token_.empty())
            request.headers.push_back({"X-aws-ec2-metadata-token", token_.clone()});
        response = instance_.send(request);
        error = response.status == 0 ? response.error
                : response.ok()      ? std::string()
                                     : instance_.name_of(request) + ": status " + std::to_string(response.status);
        if (response.status != 401 || !again)
            break;
        token_ends_ = {}; // a token dies with the host that gave it
    }
    return response;
}

KeysResult Metadata::instance() {
    if (base_.empty())
        return {};
    std::string error;
    auto list = ask_instance("GET", roles, error);
    if (list.status == 404)
        return {};
    if (!error.empty())
        return {nullptr, std::move(error)};
    auto role = first_line(list.body.reveal());
    if (role.empty())
        return {};
    auto answer = ask_instance("GET", roles + escape(role), error);
    if (!error.empty())
        return {nullptr, std::move(error)};
    auto result = parse_keys_json(answer.body.reveal());
    if (!result.error.empty())
        result.error = "aws instance metadata: role " + role + ": " + result.error;
    return result;
}

std::string Metadata::region() {
    std::string error;
    if (base_.empty())
        return {};
    auto answer = ask_instance("GET", "/latest/meta-data/placement/region", error);
    auto region = error.empty() ? first_line(answer.body.reveal()) : std::string();
    return config::is_aws_region(region) ? region : std::string();
}

} // namespace rekey::rotation::aws
