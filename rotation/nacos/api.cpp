#include "rotation/nacos/api.hpp"

#include "config/scalars.hpp"
#include "protocol/common/assert.hpp"
#include "rotation/http/retry.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/redact.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>

namespace rekey::rotation::nacos {

namespace json = boost::json;
using config::NacosApi;

namespace {

constexpr std::int64_t code_absent = 20004, code_conflict = 20005, code_denied = 10001;
constexpr char field_end = 2, entry_end = 1;

std::int64_t number(const json::value* value) {
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

Reading failure(std::string error) {
    Reading reading;
    reading.error = std::move(error);
    return reading;
}

Reading absent() {
    auto reading = failure("there is no such configuration");
    reading.absent = true;
    return reading;
}

bool is_md5(std::string_view text) {
    return text.size() == 32 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c); });
}

Document document(std::string_view content, std::string md5, std::string type, std::string encrypted_data_key) {
    Document document{protocol::Secret(content), std::move(md5), std::move(type), std::move(encrypted_data_key)};
    if (!is_md5(document.md5))
        document.md5 = md5_of(content);
    return document;
}

Document with_headers(const http::Head& head, std::string_view content) {
    return document(content, head.header("Content-MD5"), head.header("Config-Type"), head.header("Encrypted-Data-Key"));
}

// {"code": 0, "message": "success", "data": …}; what is not 0 is an error whatever the status was.
Reading read_enveloped(NacosApi api, const http::Head& head, std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto* code = root ? json_member(&*root, "code") : nullptr;
    if (code == nullptr || !code->is_int64())
        return failure("the answer is not that of a Nacos server");
    if (number(code) == code_absent)
        return absent();
    if (number(code) != 0) {
        auto reading = failure("code " + std::to_string(number(code)) + " (" +
                               redact(json_text(json_member(&*root, "message")), {}) + ")");
        reading.store_failed = number(code) == code_conflict;
        return reading;
    }
    auto* data = json_member(&*root, "data");
    Reading reading;
    if (api == NacosApi::v2 && data != nullptr && data->is_string()) {
        reading.document = with_headers(head, json_text(data));
    } else if (auto* content = json_member(data, "content"); content != nullptr && content->is_string()) {
        auto text = [&](const char* key) { return std::string(json_text(json_member(data, key))); };
        reading.document = document(json_text(content), text("md5"), text("contentType"), text("encryptedDataKey"));
    } else {
        return failure("the answer holds no configuration");
    }
    return reading;
}

const char* meaning(int status) {
    switch (status) {
    case 400:
        return "the request is refused";
    case 401:
    case 403:
        return "permission denied: the user or key may not read this, or is not known";
    case 404:
        return "there is no such API at this address";
    case 409:
        return "the configuration is just being changed";
    case 410:
        return "this API is turned off there";
    case 429:
    case 503:
        return "it is overloaded or not ready";
    default:
        return status >= 500 ? "it has failed" : "unexpected";
    }
}

std::string said(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    if (!root || !root->is_object()) {
        bool page = body.find('<') != std::string_view::npos;
        return page ? std::string() : redact(body, {});
    }
    std::string text;
    for (const auto* key : {"message", "data", "error"})
        if (auto part = json_text(json_member(&*root, key)); !part.empty())
            text += (text.empty() ? "" : ": ") + std::string(part);
    return redact(text, {});
}

std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto digit = [&](std::size_t at) {
            constexpr std::string_view digits = "0123456789abcdef";
            auto c = static_cast<char>(std::tolower(static_cast<unsigned char>(text[at])));
            return digits.find(c);
        };
        bool escape = text[i] == '%' && i + 2 < text.size() && digit(i + 1) < 16 && digit(i + 2) < 16;
        if (escape) {
            out += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

} // namespace

std::optional<Token> parse_login(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    const json::value* answer = root ? &*root : nullptr;
    // v3 may wrap it as it wraps everything else.
    if (auto* data = json_member(answer, "data"); data != nullptr && data->is_object())
        answer = data;
    auto token = json_text(json_member(answer, "accessToken"));
    auto ttl = number(json_member(answer, "tokenTtl"));
    constexpr std::int64_t year = 365LL * 24 * 3600;
    if (token.empty() || ttl <= 0)
        return std::nullopt;
    return Token{protocol::Secret(token), std::chrono::seconds(std::min(ttl, year))};
}

std::string read_target(const config::Nacos& nacos, NacosApi api) {
    auto id = form_escaped(nacos.data_id), group = form_escaped(nacos.group), space = form_escaped(nacos.name_space);
    if (api == NacosApi::v3)
        return "/v3/client/cs/config?dataId=" + id + "&groupName=" + group +
               "&namespaceId=" + (space.empty() ? "public" : space);
    if (api == NacosApi::v2)
        return "/v2/cs/config?dataId=" + id + "&group=" + group + (space.empty() ? "" : "&namespaceId=" + space);
    return "/v1/cs/configs?dataId=" + id + "&group=" + group + (space.empty() ? "" : "&tenant=" + space);
}

Reading read_answer(NacosApi api, const http::Head& head, std::string_view body) {
    bool good = head.status >= 200 && head.status < 300;
    bool not_there = head.status == 404 && !is_missing_api(head.status, body);
    if (not_there)
        return absent();
    if (!good) {
        auto reading = failure(explain_status(head.status, body));
        reading.no_api = is_missing_api(head.status, body);
        reading.store_failed = is_passing_status(head.status);
        return reading;
    }
    if (api != NacosApi::v1)
        return read_enveloped(api, head, body);
    Reading reading;
    reading.document = with_headers(head, body);
    return reading;
}

protocol::Secret login_form(std::string_view username, std::string_view password) {
    auto secret = form_escaped(password);
    std::string form;
    auto name = form_escaped(username);
    form.reserve(sizeof "username=&password=" + name.size() + secret.size());
    form.append("username=").append(name).append("&password=").append(secret);
    protocol::cleanse(secret);
    return protocol::Secret::take(form);
}

std::string form_escaped(std::string_view text) {
    std::string out;
    out.reserve(3 * text.size()); // it never grows: it may be a password
    for (unsigned char c : text) {
        if (std::isalnum(c) != 0 || std::string_view("-._~").find(static_cast<char>(c)) != std::string_view::npos) {
            out += static_cast<char>(c);
        } else {
            out += '%';
            out += "0123456789ABCDEF"[c >> 4];
            out += "0123456789ABCDEF"[c & 15];
        }
    }
    return out;
}

// The server takes the escapes out twice; nothing in the names needs them.
std::string listen_form(const config::Nacos& nacos, std::string_view md5) {
    std::string entry = nacos.data_id + field_end + nacos.group + field_end + std::string(md5);
    if (!nacos.name_space.empty())
        entry += field_end + nacos.name_space;
    entry += entry_end;
    auto form = "Listening-Configs=" + form_escaped(entry);
    // What a user may see is judged by this one.
    return nacos.name_space.empty() ? form : form + "&tenant=" + form_escaped(nacos.name_space);
}

std::optional<bool> names_configuration(std::string_view body, const config::Nacos& nacos) {
    auto text = decoded(body);
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    if (text.empty())
        return false;
    if (!text.ends_with(entry_end))
        return std::nullopt;
    const auto wanted = nacos.data_id + field_end + nacos.group;
    for (auto entry : config::split(text, entry_end))
        if (entry == wanted || entry.starts_with(wanted + field_end))
            return true;
    return false;
}

bool is_missing_api(int status, std::string_view body) {
    constexpr int not_found = 404, gone = 410, not_implemented = 501;
    if (status == gone || status == not_implemented)
        return true;
    if (status != not_found)
        return false;
    return body.find("config data not exist") == std::string_view::npos && // v1
           body.find("\"code\":20004") == std::string_view::npos;          // v2
}

bool is_passing_status(int status) {
    constexpr int conflict = 409;
    return status == conflict || http::is_passing_status(status);
}

std::string explain_status(int status, std::string_view body) {
    auto reason = "status " + std::to_string(status) + ": " + meaning(status);
    auto more = said(body);
    return more.empty() ? reason : reason + " (" + more + ")";
}

std::string md5_of(std::string_view content) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    // An OpenSSL that has no MD5 any more leaves it unknown: then every listening ends at once, and polling is left.
    if (EVP_Digest(content.data(), content.size(), digest, &size, EVP_md5(), nullptr) != 1)
        return {};
    return config::lower_case_hex({reinterpret_cast<const char*>(digest), size});
}

} // namespace rekey::rotation::nacos
