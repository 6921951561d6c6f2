#include "rotation/alibaba/signature.hpp"

#include "config/scalars.hpp"
#include "protocol/auth/base64.hpp"
#include "protocol/auth/digest.hpp"
#include "protocol/common/assert.hpp"
#include "rotation/http/escape.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdio>

namespace rekey::rotation::alibaba {

namespace {

namespace auth = protocol::auth;

constexpr std::string_view algorithm = "ACS3-HMAC-SHA256";

std::string hex_digest(std::string_view text) {
    return config::lower_case_hex(auth::view(auth::sha256({text})));
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

std::string hmac_sha1(std::string_view key, std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    auto* made = HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
                      reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
    REKEY_ASSERT(made != nullptr);
    return {reinterpret_cast<const char*>(digest), size};
}

std::string signature_of(const Keys& keys, std::string_view canonical) {
    auto text = std::string(algorithm) + "\n" + hex_digest(canonical);
    return config::lower_case_hex(auth::view(auth::hmac_sha256(keys.secret.reveal(), text)));
}

} // namespace

std::string query_text(const Parameters& parameters) {
    Parameters escaped;
    std::size_t size = 0;
    for (const auto& [key, value] : parameters) {
        escaped.emplace_back(http::escape(key), http::escape(value));
        size += escaped.back().first.size() + escaped.back().second.size() + 2;
    }
    std::sort(escaped.begin(), escaped.end());
    std::string text;
    text.reserve(size); // it never grows, so that no copy of a secret stays behind
    for (auto& [key, value] : escaped) {
        text.append(text.empty() ? "" : "&").append(key).append("=").append(value);
        protocol::cleanse(value);
    }
    return text;
}

std::string format_seconds(WallTime time) {
    auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    auto day = std::chrono::floor<std::chrono::days>(seconds);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss clock(seconds - day);
    char text[96];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

std::string canonical_request(const ToSign& request, const std::vector<http::Header>& headers, std::string& names) {
    std::vector<std::pair<std::string_view, std::string_view>> lines{{"host", request.host}};
    std::size_t size = 256;
    for (const auto& header : headers) {
        lines.emplace_back(header.name, header.value.reveal());
        size += 2 * header.name.size() + header.value.size() + 4;
    }
    std::sort(lines.begin(), lines.end());
    auto query = query_text(request.query);
    std::string text;
    text.reserve(size + request.host.size() + query.size()); // see query_text()
    text.append("POST\n/\n").append(query).append("\n");
    names.clear();
    for (const auto& [name, value] : lines) {
        text.append(name).append(":").append(trimmed(value)).append("\n");
        names.append(names.empty() ? "" : ";").append(name);
    }
    return text.append("\n").append(names).append("\n").append(hex_digest(request.body));
}

std::vector<http::Header> sign_acs3(const Keys& keys, const ToSign& request, const std::string& nonce, WallTime now) {
    std::vector<http::Header> headers;
    auto add = [&](const char* name, std::string_view value) { headers.push_back({name, protocol::Secret(value)}); };
    add("x-acs-action", request.action);
    add("x-acs-version", request.version);
    add("x-acs-date", format_seconds(now));
    add("x-acs-signature-nonce", nonce);
    add("x-acs-content-sha256", hex_digest(request.body));
    if (!request.content_type.empty())
        add("content-type", request.content_type);
    if (!keys.token.empty()) {
        add("x-acs-accesskey-id", keys.id);
        add("x-acs-security-token", keys.token.reveal());
    }
    std::string names;
    auto canonical = canonical_request(request, headers, names);
    auto signature = signature_of(keys, canonical);
    protocol::cleanse(canonical);
    add("authorization",
        std::string(algorithm) + " Credential=" + keys.id + ",SignedHeaders=" + names + ",Signature=" + signature);
    return headers;
}

std::string rpc_signature(std::string_view method, const Parameters& parameters, const protocol::Secret& secret) {
    auto query = query_text(parameters);
    auto escaped = http::escape(query);
    protocol::cleanse(query);
    std::string text, key;
    text.reserve(method.size() + escaped.size() + 8);
    text.append(method).append("&%2F&").append(escaped);
    protocol::cleanse(escaped);
    key.reserve(secret.size() + 1);
    key.append(secret.reveal()).append("&");
    auto signature = auth::base64_encode(hmac_sha1(key, text));
    protocol::cleanse(text);
    protocol::cleanse(key);
    return signature;
}

protocol::Secret rpc_form(const Keys& keys, const std::string& action, const std::string& version,
                          const Parameters& parameters, const std::string& nonce, WallTime now) {
    auto all = parameters;
    all.insert(all.end(), {{"Format", "JSON"},
                           {"Version", version},
                           {"Action", action},
                           {"AccessKeyId", keys.id},
                           {"SignatureMethod", "HMAC-SHA1"},
                           {"SignatureVersion", "1.0"},
                           {"SignatureNonce", nonce},
                           {"Timestamp", format_seconds(now)}});
    if (!keys.token.empty())
        all.emplace_back("SecurityToken", std::string(keys.token.reveal()));
    all.emplace_back("Signature", rpc_signature("POST", all, keys.secret));
    auto form = query_text(all);
    for (auto& [key, value] : all)
        if (key == "SecurityToken")
            protocol::cleanse(value);
    return protocol::Secret::take(form);
}

} // namespace rekey::rotation::alibaba
