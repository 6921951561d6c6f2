#include "rotation/alibaba/dedicated.hpp"

#include "config/scalars.hpp"
#include "protocol/auth/base64.hpp"
#include "protocol/auth/digest.hpp"
#include "rotation/alibaba/protobuf.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace rekey::rotation::alibaba {

namespace {

namespace auth = protocol::auth;

constexpr const char* media_type = "application/x-protobuf";

std::string upper_case_hex_digest(std::string_view text) {
    auto hex = config::lower_case_hex(auth::view(auth::sha256({text})));
    std::transform(hex.begin(), hex.end(), hex.begin(),
                   [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
    return hex;
}

std::string_view value_of(const std::vector<http::Header>& headers, std::string_view name) {
    auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return header.name == name; });
    return found == headers.end() ? std::string_view() : found->value.reveal();
}

} // namespace

std::string format_http_date(WallTime time) {
    static constexpr const char* weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    auto day = std::chrono::floor<std::chrono::days>(seconds);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss clock(seconds - day);
    char text[96];
    std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  weekdays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

std::string string_to_sign(const std::vector<http::Header>& headers) {
    std::vector<std::pair<std::string_view, std::string_view>> lines;
    for (const auto& header : headers)
        if (header.name.starts_with("x-kms-"))
            lines.emplace_back(header.name, header.value.reveal());
    std::sort(lines.begin(), lines.end());
    std::string text("POST\n");
    for (auto name : {"content-sha256", "content-type", "date"})
        text.append(value_of(headers, name)).append("\n");
    for (const auto& [name, value] : lines)
        text.append(name).append(":").append(value).append("\n");
    return text.append("/");
}

std::vector<http::Header> sign_dedicated(const ClientKey& key, const DedicatedCall& call, WallTime now) {
    std::vector<http::Header> headers;
    auto add = [&](const char* name, std::string_view value) { headers.push_back({name, protocol::Secret(value)}); };
    add("accept", media_type);
    add("content-type", media_type);
    add("content-sha256", upper_case_hex_digest(call.body));
    add("date", format_http_date(now));
    add("x-kms-apiversion", "dkms-gcs-0.2");
    add("x-kms-apiname", call.api);
    add("x-kms-signaturemethod", "RSA_PKCS1_SHA_256");
    add("x-kms-acccesskeyid", key.id()); // spelt so
    if (!call.key_version.empty())
        add("x-kms-migrationkeyversionid", call.key_version);
    add("authorization", "Bearer " + key.sign(string_to_sign(headers)));
    return headers;
}

std::optional<DedicatedCall> decrypt_call(std::string_view blob) {
    constexpr std::size_t version_size = 36, vector_size = 12;
    auto bytes = auth::base64_decode(blob);
    if (!bytes || bytes->size() <= version_size + vector_size)
        return std::nullopt;
    DedicatedCall call;
    call.api = "Decrypt";
    call.key_version = bytes->substr(0, version_size);
    if (!std::all_of(call.key_version.begin(), call.key_version.end(), [](char c) { return c > ' ' && c < 127; }))
        return std::nullopt;
    append_bytes(call.body, 1, std::string_view(*bytes).substr(version_size + vector_size));
    append_bytes(call.body, 5, std::string_view(*bytes).substr(version_size, vector_size));
    return call;
}

DedicatedCall secret_value_call(const std::string& name, const std::string& stage) {
    DedicatedCall call;
    call.api = "GetSecretValue";
    append_bytes(call.body, 1, name);
    append_bytes(call.body, 2, stage);
    append_true(call.body, 4);
    return call;
}

ServiceError parse_dedicated_error(int status, std::string_view body) {
    auto fields = parse_protobuf(body);
    if (!fields)
        return parse_error(status, body); // something in between has answered
    ServiceError error;
    error.status = status;
    error.code = error_code(protobuf_bytes(*fields, 2));
    error.message = protobuf_bytes(*fields, 3);
    return error;
}

SecretValue parse_dedicated_secret(std::string_view body, std::string& error) {
    SecretValue value;
    auto fields = parse_protobuf(body);
    if (!fields) {
        error = "the answer is no message";
        return value;
    }
    value.type = protobuf_bytes(*fields, 2);
    value.data = protocol::Secret(protobuf_bytes(*fields, 3));
    value.binary = protobuf_bytes(*fields, 4) == "binary";
    value.version = protobuf_bytes(*fields, 6);
    value.next_rotation = protobuf_bytes(*fields, 10);
    if (value.version.empty() || value.data.empty())
        error = "the answer holds no VersionId or no SecretData";
    return value;
}

protocol::Secret parse_dedicated_plaintext(std::string_view body) {
    auto fields = parse_protobuf(body);
    return protocol::Secret(fields ? protobuf_bytes(*fields, 2) : std::string_view());
}

} // namespace rekey::rotation::alibaba
