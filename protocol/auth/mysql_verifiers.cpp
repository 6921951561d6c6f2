#include "protocol/auth/mysql_verifiers.hpp"

#include "protocol/auth/hexadecimal.hpp"
#include "protocol/common/secret.hpp"

#include <algorithm>

namespace rekey::protocol::auth {

namespace {

constexpr std::string_view caching_sha2_prefix = "CACHING-SHA2$", ed25519_prefix = "ED25519$";

template <typename Hash> bool same(const Hash& a, const Hash& b) {
    return equal_in_constant_time({reinterpret_cast<const char*>(a.data()), a.size()},
                                  {reinterpret_cast<const char*>(b.data()), b.size()});
}

} // namespace

MysqlVerifiers MysqlVerifiers::of_password(std::string_view password) {
    return {caching_sha2_hash(password), ed25519_key(password), native_hash(password)};
}

// The key of Ed25519 must be a point of the curve, or verifying would end early: the base point will do, and takes no
// time that a real user's would not.
MysqlVerifiers MysqlVerifiers::mock(std::string_view user, std::string_view mock_secret) {
    auto seed = hmac_sha256(mock_secret, user);
    MysqlVerifiers verifiers;
    verifiers.caching_sha2 = sha256({"caching_sha2", view(seed)});
    verifiers.ed25519.emplace().fill(0x66);
    verifiers.ed25519->front() = 0x58;
    auto native = sha256({"native", view(seed)});
    auto& hash = verifiers.native.emplace();
    std::copy_n(native.begin(), hash.size(), hash.begin());
    return verifiers;
}

bool MysqlVerifiers::add(std::string_view text) {
    if (text.starts_with(caching_sha2_prefix)) {
        Digest hash;
        if (!from_hexadecimal(text.substr(caching_sha2_prefix.size()), hash))
            return false;
        caching_sha2 = hash;
        return true;
    }
    if (text.starts_with(ed25519_prefix)) {
        auto key = parse_ed25519_key(text.substr(ed25519_prefix.size()));
        if (key)
            ed25519 = key;
        return key.has_value();
    }
    auto hash = parse_native_hash(text);
    if (hash)
        native = hash;
    return hash.has_value();
}

std::string MysqlVerifiers::text(const Digest& caching_sha2) {
    return std::string(caching_sha2_prefix) + to_hexadecimal(view(caching_sha2));
}

bool MysqlVerifiers::matches(std::string_view password) const {
    if (caching_sha2)
        return same(caching_sha2_hash(password), *caching_sha2);
    if (ed25519)
        return same(ed25519_key(password), *ed25519);
    return native && same(native_hash(password), *native);
}

} // namespace rekey::protocol::auth
