#include "rotation/sources/cloud_answers.hpp"

#include "config/scalars.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/redact.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace json = boost::json;

namespace {

std::optional<std::int64_t> whole_number(const json::value* value) {
    if (value != nullptr && value->is_int64())
        return value->get_int64();
    auto digits = config::parse_integer(json_text(value));
    if (!digits || *digits > INT64_MAX)
        return std::nullopt;
    return static_cast<std::int64_t>(*digits);
}

const char* meaning(int status) {
    switch (status) {
    case 400:
        return "the request is refused";
    case 401:
        return "who asks is not accepted";
    case 403:
        return "permission denied";
    case 404:
        return "there is nothing of this name, or not yet";
    case 429:
        return "its rate limit is exceeded";
    default:
        return status >= 500 ? "it has failed" : "unexpected";
    }
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

// One word that a programmer chose: shown as it is, which redact() would not do with long ones.
bool is_code(std::string_view text) {
    constexpr std::size_t longest = 48;
    return text.size() <= longest && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
           });
}

// `error` is an object with a code (or status) and a message, or, of a token endpoint, a code with a description
// beside it.
std::string said_in(const json::value& root) {
    auto* error = json_member(&root, "error");
    auto code = json_text(json_member(error, "status"));
    if (code.empty())
        code = json_text(json_member(error, "code"));
    auto message = json_text(json_member(error, "message"));
    if (error != nullptr && error->is_string()) {
        code = json_text(error);
        message = json_text(json_member(&root, "error_description"));
    }
    std::string said(is_code(code) ? code : std::string_view());
    if (!said.empty() && !message.empty())
        said += ": ";
    return said + redact(message, {});
}

} // namespace

std::optional<AccessToken> parse_access_token(std::string_view body, std::chrono::system_clock::time_point now) {
    constexpr std::int64_t longest = 30LL * 24 * 3600;
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto token = root ? json_text(json_member(&*root, "access_token")) : std::string_view();
    if (token.empty())
        return std::nullopt;
    auto life = whole_number(json_member(&*root, "expires_in"));
    if (auto until = whole_number(json_member(&*root, "expires_on")); until && !life)
        life = *until - std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    if (!life || *life <= 0)
        return std::nullopt;
    return AccessToken{protocol::Secret(token), std::chrono::seconds(std::min(*life, longest))};
}

std::string explain_cloud_status(int status, std::string_view body) {
    auto reason = "status " + std::to_string(status) + ": " + meaning(status);
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto said = root ? said_in(*root) : std::string();
    return said.empty() ? reason : reason + " (" + said + ")";
}

http::Header bearer(const protocol::Secret& token) {
    std::string text("Bearer ");
    text.reserve(text.size() + token.size());
    text.append(token.reveal());
    return {"Authorization", protocol::Secret::take(text)};
}

protocol::Secret form_text(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    std::size_t size = 0;
    for (const auto& [name, value] : fields)
        size += name.size() + 2 + 3 * value.size();
    std::string text;
    text.reserve(size); // it never grows, so that no copy of a secret stays behind
    for (const auto& [name, value] : fields) {
        if (value.empty())
            continue;
        text.append(text.empty() ? "" : "&").append(name).append("=");
        for (char c : value) {
            auto byte = static_cast<unsigned char>(c);
            if (is_unreserved(c))
                text += c;
            else
                (text += '%').append({"0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]});
        }
    }
    return protocol::Secret::take(text);
}

} // namespace rekey::rotation
