#include "protocol/common/login_text.hpp"

#include <algorithm>

namespace rekey::protocol {

namespace {

constexpr std::size_t reason_size_max = 300;

bool holds_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

} // namespace

std::string_view unsendable_login(std::string_view user, std::string_view database, const Secret* password) {
    if (user.empty())
        return "the credential has no user name";
    if (holds_nul(user) || (password != nullptr && holds_nul(password->reveal())))
        return "the user name or the password holds a NUL byte";
    if (holds_nul(database))
        return "the database name holds a NUL byte";
    return {};
}

bool is_sqlstate(std::string_view text) {
    return text.size() == 5 && std::all_of(text.begin(), text.end(),
                                           [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

std::string printable_reason(std::string_view reason) {
    std::string printable(reason.substr(0, reason_size_max));
    std::replace_if(
        printable.begin(), printable.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
        ' ');
    return printable;
}

std::string reason_without(const Secret* password, std::string_view message) {
    auto secret = password == nullptr ? std::string_view{} : password->reveal();
    auto reason = printable_reason(message);
    bool repeated = !secret.empty() && (message.find(secret) != std::string_view::npos ||
                                        reason.find(secret) != std::string::npos);
    return repeated ? "the server's error repeats the password" : reason;
}

} // namespace rekey::protocol
