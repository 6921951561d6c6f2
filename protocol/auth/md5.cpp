#include "protocol/auth/md5.hpp"

#include "protocol/auth/digest.hpp"
#include "protocol/common/assert.hpp"

namespace rekey::protocol::auth {

namespace {
constexpr std::string_view prefix = "md5";
}

std::string md5_stored(std::string_view password, std::string_view user) {
    return std::string(prefix) + md5_hex({password, user});
}

std::string md5_response(std::string_view stored, std::string_view salt) {
    REKEY_ASSERT(stored.starts_with(prefix));
    return std::string(prefix) + md5_hex({stored.substr(prefix.size()), salt});
}

} // namespace rekey::protocol::auth
