#include "protocol/mysql/authentication.hpp"

#include "protocol/auth/digest.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/mysql/messages_login.hpp"

namespace rekey::protocol::mysql {

namespace {

constexpr Plugin plugins[] = {Plugin::native, Plugin::caching_sha2, Plugin::sha256,
                              Plugin::clear,  Plugin::ed25519,      Plugin::parsec};

} // namespace

std::string_view name_of(Plugin plugin) {
    switch (plugin) {
    case Plugin::native:
        return "mysql_native_password";
    case Plugin::caching_sha2:
        return "caching_sha2_password";
    case Plugin::sha256:
        return "sha256_password";
    case Plugin::clear:
        return "mysql_clear_password";
    case Plugin::ed25519:
        return "client_ed25519";
    case Plugin::parsec:
        return "parsec";
    }
    REKEY_ASSERT(false);
}

std::optional<Plugin> plugin_of(std::string_view name) {
    for (auto plugin : plugins)
        if (name_of(plugin) == name)
            return plugin;
    return std::nullopt;
}

std::string new_nonce() {
    std::string nonce;
    while (nonce.size() < nonce_size)
        for (auto c : auth::random_bytes(nonce_size)) {
            auto byte = static_cast<char>(c & 0x7f);
            if (byte != '\0' && byte != '$' && nonce.size() < nonce_size)
                nonce.push_back(byte);
        }
    return nonce;
}

} // namespace rekey::protocol::mysql
