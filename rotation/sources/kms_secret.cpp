#include "rotation/sources/kms_secret.hpp"

#include "protocol/auth/base64.hpp"
#include "rotation/rfc3339.hpp"
#include "rotation/sources/secret_text.hpp"

#include <algorithm>

namespace rekey::rotation {

namespace {

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
    auto shape =
        managed ? config::SecretShape{"AccountName", "AccountPassword", {}, {}, {}}
                : config::SecretShape{kms.username_field, kms.password_field, {}, {}, kms.user, kms.endpoint_fields};
    FetchResult result;
    if (!value.binary) {
        result = read_secret_text(value.data.reveal(), shape, Bare::password);
    } else {
        auto decoded = protocol::auth::base64_decode(value.data.reveal());
        if (!decoded)
            return failed_fetch("its SecretData is no base64");
        auto text = protocol::Secret::take(*decoded);
        result = read_secret_text(text.reveal(), shape, Bare::password);
    }
    if (!result.credential)
        return result;
    result.credential->version = value.version;
    result.credential->look_again = until_rotated(value.next_rotation, now, random);
    return result;
}

} // namespace rekey::rotation
