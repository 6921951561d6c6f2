#include "rotation/sources/secret_text.hpp"

#include "rotation/rfc3339.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/document.hpp"
#include "rotation/sources/secret_endpoint.hpp"

namespace rekey::rotation {

namespace json = boost::json;

namespace {

FetchResult checked(Fetched credential) {
    FetchResult result;
    result.error = reason_against(credential);
    if (result.error.empty())
        result.credential = std::move(credential);
    return result;
}

bool is_version(std::string_view text) {
    constexpr std::size_t longest = 128;
    if (text.empty() || text.size() > longest)
        return false;
    for (char c : text)
        if (c <= ' ' || c >= 127)
            return false;
    return true;
}

// Empty, or what is wrong.
std::string read_optional(const json::value& root, const config::SecretShape& shape, Fetched& credential) {
    if (!shape.version.empty()) {
        credential.version = json_number_or_text(json_part(root, shape.version));
        if (!is_version(credential.version))
            return "\"" + shape.version + "\" is missing, or neither a number nor a short text";
    }
    if (shape.expiration.empty())
        return {};
    auto* value = json_part(root, shape.expiration);
    if (value == nullptr || value->is_null())
        return {}; // it does not end
    credential.not_after = parse_rfc3339(json_text(value));
    return credential.not_after ? std::string() : "\"" + shape.expiration + "\" is not a time as RFC 3339 writes it";
}

FetchResult read_object(const json::value& root, const config::SecretShape& shape) {
    auto missing = [](const std::string& field) {
        return failed_fetch("\"" + field + "\" is missing, empty or no text in what it holds");
    };
    auto username = json_text(json_part(root, shape.username));
    auto password = json_text(json_part(root, shape.password));
    if (username.empty() && shape.user.empty())
        return missing(shape.username);
    if (password.empty())
        return missing(shape.password);
    Fetched credential;
    credential.username = username.empty() ? shape.user : std::string(username);
    credential.password = protocol::Secret(password);
    if (auto error = read_optional(root, shape, credential); !error.empty())
        return failed_fetch(std::move(error));
    credential.endpoint = endpoint_in(root, shape.endpoint);
    return checked(std::move(credential));
}

} // namespace

FetchResult read_secret_text(std::string_view text, const config::SecretShape& shape, Bare bare) {
    CleansingMemory memory;
    auto root = parse_secret_json(text, memory);
    if (root && (root->is_object() || bare == Bare::refused))
        return read_object(*root, shape);
    if (bare == Bare::refused)
        return failed_fetch("the answer is no JSON");
    if (shape.user.empty())
        return failed_fetch("it holds no JSON object; if it is a password, `user` says whose");
    Fetched credential;
    credential.username = shape.user;
    credential.password = protocol::Secret(text);
    return checked(std::move(credential));
}

std::string full_version(const std::string& of_store, const std::string& hash) {
    constexpr std::size_t enough = 8;
    return of_store.empty() ? hash : of_store + "-" + hash.substr(0, enough);
}

} // namespace rekey::rotation
