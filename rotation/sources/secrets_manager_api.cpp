#include "rotation/sources/secrets_manager_api.hpp"

#include "protocol/auth/base64.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/secret_text.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace json = boost::json;

namespace {

FetchResult read_text(std::string_view text, const config::Aws& aws) {
    return read_secret_text(text, {aws.username_field, aws.password_field, {}, {}, aws.user, aws.endpoint_fields},
                            Bare::password);
}

bool is_version(std::string_view version) {
    constexpr std::size_t longest = 64;
    return !version.empty() && version.size() <= longest && std::all_of(version.begin(), version.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
}

} // namespace

std::string secret_value_request(const std::string& secret, std::string_view stage) {
    json::object request;
    request["SecretId"] = json::string_view(secret.data(), secret.size());
    request["VersionStage"] = json::string_view(stage.data(), stage.size());
    return json::serialize(request);
}

std::string rotate_secret_request(const std::string& secret, std::string_view token) {
    json::object request;
    request["SecretId"] = json::string_view(secret.data(), secret.size());
    request["ClientRequestToken"] = json::string_view(token.data(), token.size());
    return json::serialize(request);
}

std::string parse_rotate_secret(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto version = json_text(root ? json_member(&*root, "VersionId") : nullptr);
    return std::string(is_version(version) ? version : std::string_view());
}

FetchResult parse_secret_value(std::string_view body, const config::Aws& aws) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    if (!root || !root->is_object())
        return failed_fetch("the answer is no JSON object");
    auto version = json_text(json_member(&*root, "VersionId"));
    auto text = json_text(json_member(&*root, "SecretString"));
    auto binary = json_text(json_member(&*root, "SecretBinary"));
    if (!is_version(version) || (text.empty() && binary.empty()))
        return failed_fetch("the answer holds no VersionId, or neither SecretString nor SecretBinary");
    FetchResult result;
    if (!text.empty()) {
        result = read_text(text, aws);
    } else {
        auto decoded = protocol::auth::base64_decode(binary);
        if (!decoded)
            return failed_fetch("SecretBinary is no base64");
        auto secret = protocol::Secret::take(*decoded);
        result = read_text(secret.reveal(), aws);
    }
    if (!result.credential)
        return result;
    result.credential->version = version;
    return result;
}

} // namespace rekey::rotation
