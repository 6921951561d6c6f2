#include "rotation/aws/sigv4.hpp"

#include "config/scalars.hpp"
#include "protocol/auth/digest.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdio>

namespace rekey::rotation::aws {

namespace {

namespace auth = protocol::auth;

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return result;
}

// YYYYMMDDTHHMMSSZ
std::string stamp(std::chrono::system_clock::time_point time) {
    auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    auto day = std::chrono::floor<std::chrono::days>(seconds);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss clock(seconds - day);
    char text[96];
    std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

std::string day_of(const std::string& stamp) {
    return stamp.substr(0, 8);
}

std::string hex_digest(std::string_view text) {
    return config::lower_case_hex(auth::view(auth::sha256({text})));
}

std::string scope_text(const std::string& when, const Scope& scope) {
    return day_of(when) + "/" + scope.region + "/" + scope.service + "/aws4_request";
}

// Without blanks at its ends, and with one where there are several.
void append_value(std::string& text, std::string_view value) {
    bool blank = true;
    for (char c : value) {
        if (c != ' ' || !blank)
            text.push_back(c);
        blank = c == ' ';
    }
    if (blank && !value.empty() && text.ends_with(' '))
        text.pop_back();
}

std::string query_text(const ToSign& request) {
    std::vector<std::pair<std::string, std::string>> escaped;
    for (const auto& [key, value] : request.query)
        escaped.emplace_back(escape(key), escape(value));
    std::sort(escaped.begin(), escaped.end());
    std::size_t size = 0;
    for (const auto& [key, value] : escaped)
        size += key.size() + value.size() + 2;
    std::string text;
    text.reserve(size); // it never grows, so that no copy of a secret stays behind
    for (auto& [key, value] : escaped) {
        text.append(text.empty() ? "" : "&").append(key).append("=").append(value);
        protocol::cleanse(value);
    }
    return text;
}

std::string path_text(const std::string& path) {
    std::string text;
    for (std::size_t begin = 0; begin < path.size();) {
        auto end = std::min(path.find('/', begin), path.size());
        text.append(escape(std::string_view(path).substr(begin, end - begin))).append(end < path.size() ? "/" : "");
        begin = end + 1;
    }
    return text.empty() ? "/" : text;
}

std::string signature_of(const Keys& keys, const Scope& scope, const std::string& when, std::string_view canonical) {
    auto text = std::string(algorithm) + "\n" + when + "\n" + scope_text(when, scope) + "\n" + hex_digest(canonical);
    auto key = signing_key(keys.secret, day_of(when), scope);
    return config::lower_case_hex(auth::view(auth::hmac_sha256(key.reveal(), text)));
}

} // namespace

std::string canonical_request(const ToSign& request, std::string& names) {
    std::vector<std::pair<std::string, std::string_view>> headers{{"host", request.host}};
    for (const auto& header : request.headers)
        headers.emplace_back(lower(header.name), header.value.reveal());
    std::stable_sort(headers.begin(), headers.end(),
                     [](const auto& left, const auto& right) { return left.first < right.first; });
    auto query = query_text(request);
    constexpr std::size_t fixed = 256;
    std::size_t size = fixed + 3 * request.path.size() + query.size();
    for (const auto& [name, value] : headers)
        size += 2 * name.size() + value.size() + 4;
    std::string text;
    text.reserve(size); // see query_text()
    text.append(request.method).append("\n").append(path_text(request.path)).append("\n").append(query).append("\n");
    protocol::cleanse(query);
    names.clear();
    for (const auto& [name, value] : headers) {
        append_value(text.append(name).append(":"), value);
        text.append("\n");
        names.append(names.empty() ? "" : ";").append(name);
    }
    return text.append("\n").append(names).append("\n").append(hex_digest(request.body));
}

protocol::Secret signing_key(const protocol::Secret& secret, std::string_view day, const Scope& scope) {
    std::string first;
    first.reserve(secret.size() + 4);
    first.append("AWS4").append(secret.reveal());
    auto key = auth::hmac_sha256(first, day);
    protocol::cleanse(first);
    for (std::string_view part :
         {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")})
        key = auth::hmac_sha256(auth::view(key), part);
    protocol::Secret result(auth::view(key));
    OPENSSL_cleanse(key.data(), key.size());
    return result;
}

std::vector<http::Header> sign(const Keys& keys, const Scope& scope, ToSign request,
                               std::chrono::system_clock::time_point now) {
    auto when = stamp(now);
    request.headers.push_back({"X-Amz-Date", protocol::Secret(when)});
    if (!keys.session.empty())
        request.headers.push_back({"X-Amz-Security-Token", keys.session.clone()});
    std::string names;
    auto canonical = canonical_request(request, names);
    auto signature = signature_of(keys, scope, when, canonical);
    protocol::cleanse(canonical);
    auto authorization = std::string(algorithm) + " Credential=" + keys.id + "/" + scope_text(when, scope) +
                         ", SignedHeaders=" + names + ", Signature=" + signature;
    request.headers.push_back({"Authorization", protocol::Secret(authorization)});
    return std::move(request.headers);
}

protocol::Secret presign(const Keys& keys, const Scope& scope, ToSign request, std::chrono::seconds expires,
                         std::chrono::system_clock::time_point now) {
    auto when = stamp(now);
    request.headers.clear();
    request.body = {};
    request.query.emplace_back("X-Amz-Algorithm", algorithm);
    request.query.emplace_back("X-Amz-Credential", keys.id + "/" + scope_text(when, scope));
    request.query.emplace_back("X-Amz-Date", when);
    request.query.emplace_back("X-Amz-Expires", std::to_string(expires.count()));
    request.query.emplace_back("X-Amz-SignedHeaders", "host");
    if (!keys.session.empty())
        request.query.emplace_back("X-Amz-Security-Token", std::string(keys.session.reveal()));
    std::string names;
    auto canonical = canonical_request(request, names);
    auto signature = signature_of(keys, scope, when, canonical);
    protocol::cleanse(canonical);
    auto query = query_text(request);
    for (auto& [key, value] : request.query)
        protocol::cleanse(value);
    std::string text;
    text.reserve(request.host.size() + 3 * request.path.size() + query.size() + signature.size() + 32);
    text.append(request.host).append(path_text(request.path)).append("?").append(query);
    text.append("&X-Amz-Signature=").append(signature);
    protocol::cleanse(query);
    return protocol::Secret::take(text);
}

} // namespace rekey::rotation::aws
