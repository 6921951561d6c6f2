#include "rotation/aws/sts.hpp"

#include "config/aws_endpoint.hpp"
#include "rotation/sources/secret_file.hpp"

namespace rekey::rotation::aws {

namespace {

CallerOptions named(CallerOptions options) {
    options.client.store = "aws sts";
    return options;
}

std::string form_of(const char* action, const Role& role) {
    return std::string("Action=") + action + "&Version=2011-06-15&RoleArn=" + escape(role.arn) +
           "&RoleSessionName=" + escape(role.session) + "&DurationSeconds=" + escape(role.seconds);
}

} // namespace

Sts::Sts(const Variables& variables, CallerOptions options)
    : endpoint_(variables.text("AWS_ENDPOINT_URL_STS")), caller_(named(std::move(options))) {
    if (endpoint_.empty())
        endpoint_ = variables.text("AWS_ENDPOINT_URL");
}

KeysResult Sts::assume(const Role& role, const std::string& region, const Keys& keys,
                       std::chrono::system_clock::time_point now) {
    auto form = form_of("AssumeRole", role);
    if (!role.external_id.empty())
        form += "&ExternalId=" + escape(role.external_id);
    return ask(form, region, &keys, now);
}

KeysResult Sts::assume_with_web_identity(const Role& role, const std::string& token_file, const std::string& region,
                                         std::chrono::system_clock::time_point now) {
    protocol::Secret token;
    if (auto error = read_secret({token_file, {}}, token); !error.empty())
        return {nullptr, "aws sts: web identity: " + error};
    auto form = form_of("AssumeRoleWithWebIdentity", role);
    auto escaped = escape(token.reveal());
    std::string whole;
    whole.reserve(form.size() + escaped.size() + 32); // it never grows, so that no copy of the token stays behind
    whole.append(form).append("&WebIdentityToken=").append(escaped);
    protocol::cleanse(escaped);
    return ask(whole, region, nullptr, now);
}

KeysResult Sts::ask(std::string& form, const std::string& region, const Keys* keys,
                    std::chrono::system_clock::time_point now) {
    auto body = protocol::Secret::take(form);
    auto address = endpoint_;
    if (address.empty())
        address = region.empty() ? "https://sts.amazonaws.com" : config::aws_endpoint("sts", region);
    auto url = config::parse_http_url(address);
    if (!url || !config::is_protected(*url))
        return {nullptr, "aws sts: " + address + " is no address of the form https://host"};
    Call call;
    call.url = *url;
    call.scope = {region.empty() ? "us-east-1" : region, "sts"};
    call.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
    call.body = body.reveal();
    auto reply = caller_.send(call, keys, now);
    if (!reply.error.empty())
        return {nullptr, std::move(reply.error)};
    auto result = parse_keys_xml(reply.body.reveal());
    if (!result.error.empty())
        result.error = "aws sts: " + result.error;
    return result;
}

} // namespace rekey::rotation::aws
