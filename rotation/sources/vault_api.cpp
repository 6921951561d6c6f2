#include "rotation/sources/vault_api.hpp"

#include "rotation/sources/document.hpp"
#include "rotation/sources/redact.hpp"
#include "rotation/sources/secret_endpoint.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace json = boost::json;

namespace {

std::uint64_t number(const json::value* value) {
    if (value == nullptr || !(value->is_int64() || value->is_uint64()))
        return 0;
    if (value->is_uint64())
        return value->get_uint64();
    return value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

bool truth(const json::value* value) {
    return value != nullptr && value->is_bool() && value->get_bool();
}

// A century is as good as for ever, and cannot overflow.
std::chrono::seconds seconds(const json::value* value) {
    constexpr std::uint64_t century = 100ULL * 365 * 24 * 3600;
    return std::chrono::seconds(static_cast<std::int64_t>(std::min(number(value), century)));
}

FetchResult read_pair(const json::value* data, std::string_view username_field, std::string_view password_field) {
    Fetched credential;
    for (auto field : {username_field, password_field}) {
        auto value = json_text(json_member(data, field));
        if (value.empty())
            return failed_fetch("\"" + std::string(field) + "\" is missing, empty or no text in what it holds");
        if (field == username_field)
            credential.username = value;
        if (field == password_field)
            credential.password = protocol::Secret(value);
    }
    FetchResult result;
    result.error = reason_against(credential);
    if (result.error.empty())
        result.credential = std::move(credential);
    return result;
}

const char* meaning(int status) {
    switch (status) {
    case 400:
        return "the request is refused";
    case 403:
        return "permission denied: the policies lack this path, or the token has expired";
    case 404:
        return "there is nothing at this path";
    case 405:
        return "the path does not support this";
    case 412:
        return "the node lags behind";
    case 429:
        return "its rate limit is exceeded";
    case 472:
    case 473:
    case 474:
        return "the node is a standby that does not serve this";
    case 501:
        return "it is not initialised";
    case 503:
        return "it is sealed or in maintenance";
    default:
        return status >= 500 ? "it has failed" : "unexpected";
    }
}

} // namespace

std::optional<VaultToken> parse_vault_auth(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto* auth = root ? json_member(&*root, "auth") : nullptr;
    auto token = json_text(json_member(auth, "client_token"));
    if (token.empty())
        return std::nullopt;
    VaultToken result;
    result.token = protocol::Secret(token);
    result.ttl = seconds(json_member(auth, "lease_duration"));
    result.renewable = truth(json_member(auth, "renewable"));
    result.counted = number(json_member(auth, "num_uses")) > 0;
    return result;
}

std::optional<VaultToken> parse_vault_token(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto* data = root ? json_member(&*root, "data") : nullptr;
    if (data == nullptr || !data->is_object())
        return std::nullopt;
    VaultToken result;
    result.ttl = seconds(json_member(data, "ttl"));
    result.renewable = truth(json_member(data, "renewable"));
    result.counted = number(json_member(data, "num_uses")) > 0;
    return result;
}

protocol::Secret vault_data_text(std::string_view body, std::string_view key) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    return protocol::Secret(root ? json_text(json_member(json_member(&*root, "data"), key)) : std::string_view());
}

FetchResult parse_vault_kv(std::string_view body, const config::Vault& vault) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto* data = root ? json_member(&*root, "data") : nullptr;
    if (data == nullptr || !data->is_object())
        return failed_fetch("the answer is no JSON object with \"data\"");
    std::string version;
    if (vault.engine == config::VaultEngine::kv_v2) {
        version = std::to_string(number(json_member(json_member(data, "metadata"), "version")));
        data = json_member(data, "data");
        if (data == nullptr || !data->is_object() || version == "0")
            return failed_fetch("the answer is not that of a KV store of version 2 (engine: kv_v1 is the other)");
    }
    auto result = read_pair(data, vault.username_field, vault.password_field);
    if (result.credential) {
        result.credential->version = std::move(version);
        result.credential->endpoint = endpoint_in(*data, vault.endpoint_fields);
    }
    return result;
}

FetchResult parse_vault_static(std::string_view body, std::uint64_t random) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto* data = root ? json_member(&*root, "data") : nullptr;
    auto result = read_pair(data, "username", "password");
    if (!result.credential)
        return result;
    auto rotated = json_text(json_member(data, "last_vault_rotation"));
    result.credential->version = rotated.empty() ? json_text(json_member(data, "last_openbao_rotation")) : rotated;
    auto* ttl = json_member(data, "ttl");
    if (ttl == nullptr)
        return result;
    // The store rotates some seconds around the end of the time; overdue, it is tried every few seconds.
    auto left = std::chrono::milliseconds(seconds(ttl));
    auto jitter = left.count() > 0 ? std::chrono::milliseconds(1000 + random % 6001)
                                   : std::chrono::milliseconds(2000 + random % 3001);
    result.credential->look_again = left + jitter;
    return result;
}

FetchResult parse_vault_dynamic(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto result = read_pair(root ? json_member(&*root, "data") : nullptr, "username", "password");
    if (!result.credential)
        return result;
    result.credential->version = json_text(json_member(&*root, "lease_id"));
    result.credential->lease = parse_vault_lease(body);
    if (result.credential->version.empty() || !result.credential->lease)
        return failed_fetch("the answer holds no lease");
    return result;
}

std::optional<Lease> parse_vault_lease(std::string_view body) {
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    auto life = root ? seconds(json_member(&*root, "lease_duration")) : std::chrono::seconds(0);
    if (life.count() == 0)
        return std::nullopt;
    return Lease{life, truth(json_member(&*root, "renewable"))};
}

std::string explain_vault_status(int status, std::string_view body) {
    auto reason = "status " + std::to_string(status) + ": " + meaning(status);
    CleansingMemory memory;
    auto root = parse_secret_json(body, memory);
    if (!root)
        return reason;
    if (status == 404 && json_member(json_member(&*root, "data"), "metadata") != nullptr)
        return reason + " any more: the secret's latest version is deleted";
    auto* errors = json_member(&*root, "errors");
    auto* list = errors == nullptr ? nullptr : errors->if_array();
    std::string said;
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i)
        said += (said.empty() ? "" : "; ") + std::string(json_text(&(*list)[i]));
    return said.empty() ? reason : reason + " (" + redact(said, {}) + ")";
}

protocol::Secret vault_body(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
    CleansingMemory memory;
    json::object object{json::storage_ptr(&memory)};
    for (const auto& [key, value] : members)
        if (!value.empty())
            object.emplace(json::string_view(key.data(), key.size()), json::string_view(value.data(), value.size()));
    const json::value value(std::move(object));
    auto written = serialize_secret_json(value);
    return protocol::Secret::take(written);
}

} // namespace rekey::rotation
