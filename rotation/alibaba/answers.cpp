#include "rotation/alibaba/answers.hpp"

#include "rotation/http/retry.hpp"
#include "rotation/rfc3339.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/redact.hpp"

#include <algorithm>
#include <array>

namespace rekey::rotation::alibaba {

namespace {

KeysResult failure(std::string error) {
    return {nullptr, std::move(error)};
}

struct Meaning {
    std::string_view code, text; // `code` is the beginning of one
};
constexpr std::array meanings{
    Meaning{"Rejected.Throttling", "the rate limit is exceeded"},
    Meaning{"Throttling", "the rate limit is exceeded"},
    Meaning{"Forbidden.ResourceNotFound", "there is no such secret, or no version with this stage"},
    Meaning{"Forbidden.KeyNotFound", "there is no such key, or it lies in another region"},
    Meaning{"Forbidden.InDebt", "the account is in arrears"},
    Meaning{"Forbidden", "the identity lacks the permission"},
    Meaning{"InvalidAccessKeyId", "the access key is not known, or disabled"},
    Meaning{"SignatureDoesNotMatch", "the access key's secret is wrong"},
    Meaning{"IncompleteSignature", "the access key's secret is wrong"},
    Meaning{"InvalidSecurityToken", "the session has expired, or is not of this access key"},
    Meaning{"InvalidTimeStamp", "the clocks differ by more than a quarter of an hour"},
    Meaning{"IllegalTimestamp", "the clocks differ by more than a quarter of an hour"},
    Meaning{"SignatureNonceUsed", "a request was sent twice"},
};

std::string_view meaning(const ServiceError& error) {
    for (const auto& known : meanings)
        if (error.code.starts_with(known.code))
            return known.text;
    return error.status >= 500 ? "it has failed" : "the request is refused";
}

} // namespace

KeysResult parse_keys(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    if (!root || !root->is_object())
        return failure("the answer is no JSON object");
    auto text = [&](std::string_view key) { return json_text(json_member(&*root, key)); };
    if (auto code = text("Code"); !code.empty() && code != "Success")
        return failure("it answers \"" + error_code(code) + "\"");
    if (text("AccessKeyId").empty() || text("AccessKeySecret").empty())
        return failure("the answer holds no access key");
    auto keys = std::make_shared<Keys>();
    keys->id = text("AccessKeyId");
    keys->secret = protocol::Secret(text("AccessKeySecret"));
    keys->token = protocol::Secret(text("SecurityToken"));
    if (auto expires = text("Expiration"); !expires.empty()) {
        keys->expires = parse_rfc3339(expires);
        if (!keys->expires)
            return failure("the answer's Expiration is no time as RFC 3339 writes it");
    }
    return {std::move(keys), {}};
}

std::string error_code(std::string_view text) {
    constexpr std::size_t longest = 64;
    bool name = text.size() <= longest && std::all_of(text.begin(), text.end(), [](char c) {
                    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
                });
    return std::string(name ? text : std::string_view());
}

ServiceError parse_error(int status, std::string_view body) {
    ServiceError error;
    error.status = status;
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    if (root) {
        error.code = error_code(json_text(json_member(&*root, "Code")));
        error.message = json_text(json_member(&*root, "Message"));
    }
    return error;
}

bool is_passing(const ServiceError& error) {
    static constexpr std::array<std::string_view, 5> codes{
        "Rejected.Throttling", "Throttling", "ServiceUnavailableTemporary", "InternalFailure", "SignatureNonceUsed"};
    return http::is_passing_status(error.status) ||
           std::any_of(codes.begin(), codes.end(), [&](auto code) { return error.code.starts_with(code); });
}

bool is_expired(const ServiceError& error) {
    return error.code.starts_with("InvalidSecurityToken") || error.code.starts_with("InvalidAccessKeyId");
}

std::string explain(const ServiceError& error) {
    auto text = "status " + std::to_string(error.status);
    if (!error.code.empty())
        text += " " + error.code;
    text += ": " + std::string(meaning(error));
    return error.message.empty() ? text : text + " (" + redact(error.message, {}) + ")";
}

SecretValue parse_secret_value(std::string_view body, std::string& error) {
    SecretValue value;
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    if (!root || !root->is_object()) {
        error = "the answer is no JSON object";
        return value;
    }
    auto text = [&](std::string_view key) { return json_text(json_member(&*root, key)); };
    value.version = text("VersionId");
    value.type = text("SecretType");
    value.data = protocol::Secret(text("SecretData"));
    value.binary = text("SecretDataType") == "binary";
    value.next_rotation = text("NextRotationDate");
    if (value.version.empty() || value.data.empty())
        error = "the answer holds no VersionId or no SecretData";
    return value;
}

protocol::Secret parse_plaintext(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    return protocol::Secret(root ? json_text(json_member(&*root, "Plaintext")) : std::string_view());
}

} // namespace rekey::rotation::alibaba
