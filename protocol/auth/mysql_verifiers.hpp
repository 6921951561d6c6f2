// What a server keeps to recognise the users of MySQL's and MariaDB's authentication plugins.
#pragma once

#include "protocol/auth/caching_sha2.hpp"
#include "protocol/auth/mariadb_ed25519.hpp"
#include "protocol/auth/mysql_native.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::auth {

struct MysqlVerifiers {
    std::optional<Digest> caching_sha2;
    std::optional<Ed25519Key> ed25519;
    std::optional<NativeHash> native;

    // All of them.
    static MysqlVerifiers of_password(std::string_view password);
    // For users that do not exist: the steps and the time are as for one that does. Whoever uses them refuses whatever
    // the client answers.
    static MysqlVerifiers mock(std::string_view user, std::string_view mock_secret);

    // Takes a verifier's text; false if it is none:
    //   CACHING-SHA2$<64 hexadecimal digits>   SHA256(SHA256(password))
    //   *<40 hexadecimal digits>               of mysql_native_password, as mysql.user shows it
    //   ED25519$<43 characters>                of ed25519, as mysql.global_priv shows it
    // MySQL's own texts for caching_sha2_password ($A$005$...) are not usable: the client's answer to a nonce cannot
    // be checked with them.
    bool add(std::string_view text);
    // In the forms that add() takes.
    static std::string text(const Digest& caching_sha2);

    bool any() const { return caching_sha2 || ed25519 || native; }
    // A password in clear text, checked by whatever is there.
    bool matches(std::string_view password) const;
};

} // namespace rekey::protocol::auth
