#include "protocol/auth/saslprep.hpp"

#include <algorithm>

namespace rekey::protocol::auth {

std::optional<std::string> saslprep(std::string_view password) {
    // Printable ASCII is its own prepared form; control characters are prohibited.
    if (password.empty() ||
        !std::all_of(password.begin(), password.end(), [](char c) { return c >= 0x20 && c < 0x7f; }))
        return std::nullopt;
    return std::string(password);
}

} // namespace rekey::protocol::auth
