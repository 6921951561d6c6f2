#include "rotation/aws/answers.hpp"

#include "config/scalars.hpp"
#include "rotation/http/retry.hpp"
#include "rotation/rfc3339.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/redact.hpp"

#include <algorithm>
#include <array>

namespace rekey::rotation::aws {

namespace {

KeysResult failure(std::string error) {
    return {nullptr, std::move(error)};
}

struct Texts {
    std::string_view id, secret, session, expires;
};

KeysResult make_keys(const Texts& texts) {
    if (texts.id.empty() || texts.secret.empty())
        return failure("the answer holds no access key");
    auto keys = std::make_shared<Keys>();
    keys->id = texts.id;
    keys->secret = protocol::Secret(texts.secret);
    keys->session = protocol::Secret(texts.session);
    if (!texts.expires.empty()) {
        keys->expires = parse_rfc3339(texts.expires);
        if (!keys->expires)
            return failure("the answer's Expiration is no time as RFC 3339 writes it");
    }
    return {std::move(keys), {}};
}

// The content of the first element of that name; none of those that are read has attributes or elements in it.
std::string_view element(std::string_view document, const std::string& name) {
    auto begin = document.find("<" + name + ">");
    if (begin == std::string_view::npos)
        return {};
    document.remove_prefix(begin + name.size() + 2);
    auto end = document.find("</" + name + ">");
    return end == std::string_view::npos ? std::string_view() : document.substr(0, end);
}

template <std::size_t size> bool one_of(std::string_view code, const std::array<std::string_view, size>& codes) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// prefix#Name, Name:url; empty for what is no name, which has no place in a log.
std::string bare_name(std::string_view code) {
    constexpr std::size_t longest = 64;
    code = code.substr(0, code.find(':'));
    if (auto hash = code.rfind('#'); hash != std::string_view::npos)
        code.remove_prefix(hash + 1);
    bool name = code.size() <= longest && std::all_of(code.begin(), code.end(), [](char c) {
                    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
                });
    return std::string(name ? code : std::string_view());
}

struct Meaning {
    std::string_view code, text;
};
constexpr std::array meanings{
    Meaning{"ResourceNotFoundException", "there is no such secret, or no version with this stage"},
    Meaning{"InvalidRequestException", "the state of the secret does not allow it"},
    Meaning{"DecryptionFailure", "its KMS key cannot be used"},
    Meaning{"AccessDeniedException", "the identity lacks the permission"},
    Meaning{"AccessDenied", "the identity lacks the permission"},
    Meaning{"UnrecognizedClientException", "the access key is not known"},
    Meaning{"InvalidClientTokenId", "the access key is not known"},
    Meaning{"InvalidSignatureException", "the secret access key is wrong"},
    Meaning{"SignatureDoesNotMatch", "the secret access key is wrong"},
    Meaning{"ExpiredTokenException", "the session has expired"},
    Meaning{"ExpiredToken", "the session has expired"},
    Meaning{"InvalidIdentityToken", "the web identity's token is not accepted"},
    Meaning{"RequestTimeTooSkewed", "the clocks differ"},
};

std::string_view meaning(const ServiceError& error) {
    if (is_throttling(error))
        return "the rate limit is exceeded";
    if (is_skewed(error))
        return "the clocks differ";
    for (const auto& known : meanings)
        if (known.code == error.code)
            return known.text;
    return error.status >= 500 ? "it has failed" : "the request is refused";
}

} // namespace

KeysResult parse_keys_json(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    if (!root || !root->is_object())
        return failure("the answer is no JSON object");
    auto text = [&](std::string_view key) { return json_text(json_member(&*root, key)); };
    if (auto code = text("Code"); !code.empty() && code != "Success")
        return failure("it answers \"" + bare_name(code) + "\"");
    if (auto* version = json_member(&*root, "Version");
        version != nullptr && !(version->is_int64() && version->get_int64() == 1))
        return failure("\"Version\" is not 1");
    auto session = text("Token");
    return make_keys({text("AccessKeyId"), text("SecretAccessKey"), session.empty() ? text("SessionToken") : session,
                      text("Expiration")});
}

KeysResult parse_keys_xml(std::string_view body) {
    auto credentials = element(body, "Credentials");
    return make_keys({element(credentials, "AccessKeyId"), element(credentials, "SecretAccessKey"),
                      element(credentials, "SessionToken"), element(credentials, "Expiration")});
}

ServiceError parse_error(int status, const http::Head& head, std::string_view body) {
    ServiceError error;
    error.status = status;
    error.code = bare_name(head.header("x-amzn-ErrorType"));
    CleansingMemory memory;
    if (auto root = parse_secret_json(body, memory); root && root->is_object()) {
        auto* said = json_member(&*root, "message");
        error.message = json_text(said != nullptr ? said : json_member(&*root, "Message"));
        if (auto type = json_text(json_member(&*root, "__type")); !type.empty())
            error.code = bare_name(type);
        return error;
    }
    if (auto code = element(body, "Code"); !code.empty()) {
        error.code = bare_name(code);
        error.message = element(body, "Message");
    }
    return error;
}

bool is_throttling(const ServiceError& error) {
    static constexpr std::array<std::string_view, 13> codes{"Throttling",
                                                            "ThrottlingException",
                                                            "ThrottledException",
                                                            "RequestThrottled",
                                                            "RequestThrottledException",
                                                            "TooManyRequestsException",
                                                            "ProvisionedThroughputExceededException",
                                                            "RequestLimitExceeded",
                                                            "BandwidthLimitExceeded",
                                                            "LimitExceededException",
                                                            "SlowDown",
                                                            "PriorRequestNotComplete",
                                                            "EC2ThrottledException"};
    return error.status == 429 || one_of(error.code, codes);
}

bool is_passing(const ServiceError& error) {
    static constexpr std::array<std::string_view, 5> codes{"TransactionInProgressException", "RequestTimeout",
                                                           "RequestTimeoutException", "InternalServiceError",
                                                           "IDPCommunicationError"};
    return is_throttling(error) || http::is_passing_status(error.status) || one_of(error.code, codes);
}

bool is_expired(const ServiceError& error) {
    static constexpr std::array<std::string_view, 4> codes{"ExpiredToken", "ExpiredTokenException",
                                                           "UnrecognizedClientException", "InvalidClientTokenId"};
    return one_of(error.code, codes);
}

bool is_skewed(const ServiceError& error) {
    bool signature = error.code == "InvalidSignatureException" || error.code == "SignatureDoesNotMatch";
    return error.code == "RequestTimeTooSkewed" ||
           (signature && (error.message.find("Signature expired") != std::string::npos ||
                          error.message.find("Signature not yet current") != std::string::npos));
}

std::string explain(const ServiceError& error) {
    auto text = "status " + std::to_string(error.status);
    if (!error.code.empty())
        text += " " + error.code;
    text += ": " + std::string(meaning(error));
    return error.message.empty() ? text : text + " (" + redact(error.message, {}) + ")";
}

std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text) {
    static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != 29 || text.substr(25) != " GMT" || text.substr(3, 2) != ", ")
        return std::nullopt;
    auto number = [&](std::size_t at, std::size_t size) { return config::parse_integer(text.substr(at, size)); };
    auto day = number(5, 2), year = number(12, 4), hour = number(17, 2), minute = number(20, 2), second = number(23, 2);
    auto month = months.find(text.substr(8, 3));
    if (!day || !year || !hour || !minute || !second || month == std::string_view::npos || month % 3 != 0)
        return std::nullopt;
    std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                     std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                                     std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60)
        return std::nullopt;
    return std::chrono::sys_days(date) +
           std::chrono::seconds(static_cast<std::int64_t>(*hour * 3600 + *minute * 60 + *second));
}

} // namespace rekey::rotation::aws
