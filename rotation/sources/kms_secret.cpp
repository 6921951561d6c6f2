#include "rotation/sources/kms_secret.hpp"

#include "protocol/auth/base64.hpp"
#include "rotation/rfc3339.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/document.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace {

struct Fields {
    std::string username, password, user; // user: where there is no name; empty: then it is missing
};

FetchResult read_text(std::string_view text, const Fields& fields) {
    CleansingMemory memory;
    auto root = parse_secret_json(text, memory);
    bool object = root && root->is_object();
    if (!object && fields.user.empty())
        return failed_fetch("it holds no JSON object; if it is a password, `user` says whose");
    auto username = object ? json_text(json_member(&*root, fields.username)) : std::string_view();
    auto password = object ? json_text(json_member(&*root, fields.password)) : text;
    for (const auto& [field, missing] : {std::pair(&fields.username, username.empty() && fields.user.empty()),
                                         std::pair(&fields.password, password.empty())})
        if (missing)
            return failed_fetch("\"" + *field + "\" is missing, empty or no text in what it holds");
    FetchResult result;
    result.credential.emplace();
    result.credential->username = username.empty() ? fields.user : std::string(username);
    result.credential->password = protocol::Secret(password);
    return result;
}

bool is_version(std::string_view version) {
    constexpr std::size_t longest = 64;
    return !version.empty() && version.size() <= longest && std::all_of(version.begin(), version.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    });
}

// KMS rotates some time after the moment that it names.
std::optional<std::chrono::milliseconds>
until_rotated(const std::string& date, std::chrono::system_clock::time_point now, std::uint64_t random) {
    auto planned = parse_rfc3339(date);
    if (!planned || *planned <= now)
        return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(*planned - now) +
           std::chrono::milliseconds(1000 + random % 6001);
}

} // namespace

bool kms_rotates(std::string_view type) {
    return type == "Rds" || type == "PolarDB";
}

FetchResult read_kms_secret(const alibaba::SecretValue& value, const config::AliyunKms& kms,
                            std::chrono::system_clock::time_point now, std::uint64_t random) {
    if (!is_version(value.version))
        return failed_fetch("the answer's VersionId is no name");
    bool managed = kms_rotates(value.type);
    if (!managed && !value.type.empty() && value.type != "Generic")
        return failed_fetch("a secret of type " + alibaba::error_code(value.type) + " is not for a database");
    auto fields = managed ? Fields{"AccountName", "AccountPassword", {}}
                          : Fields{kms.username_field, kms.password_field, kms.user};
    FetchResult result;
    if (!value.binary) {
        result = read_text(value.data.reveal(), fields);
    } else {
        auto decoded = protocol::auth::base64_decode(value.data.reveal());
        if (!decoded)
            return failed_fetch("its SecretData is no base64");
        auto text = protocol::Secret::take(*decoded);
        result = read_text(text.reveal(), fields);
    }
    if (!result.credential)
        return result;
    if (auto reason = reason_against(*result.credential); !reason.empty())
        return failed_fetch(std::move(reason));
    result.credential->version = value.version;
    result.credential->look_again = until_rotated(value.next_rotation, now, random);
    return result;
}

} // namespace rekey::rotation
