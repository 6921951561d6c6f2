#include "rotation/strategies/mysql_account.hpp"

#include "rotation/strategies/mysql_verifier.hpp"
#include "rotation/strategies/mysql_words.hpp"

#include <algorithm>
#include <array>

namespace rekey::rotation::mysql {
namespace {

constexpr std::array<std::string_view, 7> by_passwords{"mysql_native_password",
                                                       "caching_sha2_password",
                                                       "sha256_password",
                                                       "ed25519",
                                                       "parsec",
                                                       "mysql_old_password",
                                                       "pam"};

bool read_mysql_methods(Words& words, Account& account) {
    Method method;
    auto plugin = words.value();
    if (!plugin) {
        return false;
    }
    method.plugin = std::move(*plugin);
    if (words.take("AS")) {
        method.hash = words.value().value_or("");
    }
    account.methods.push_back(std::move(method));
    account.several_factors = words.take("AND");
    return true;
}

bool read_mariadb_methods(Words& words, Account& account) {
    do {
        Method method;
        auto plugin = words.value();
        if (!plugin) {
            return false;
        }
        method.plugin = std::move(*plugin);
        if (words.take("USING") || words.take("AS")) {
            method.hash = words.value().value_or("");
        }
        account.methods.push_back(std::move(method));
    } while (words.take("OR"));
    return true;
}

bool read_methods(Words& words, Account& account) {
    if (words.take("IDENTIFIED WITH")) {
        account.mariadb = false;
        return read_mysql_methods(words, account);
    }
    account.mariadb = true; // MySQL always says WITH
    if (words.take("IDENTIFIED BY PASSWORD")) {
        account.methods.push_back({"mysql_native_password", words.value().value_or("")});
        return true;
    }
    return !words.take("IDENTIFIED VIA") || read_mariadb_methods(words, account);
}

std::string read_default_roles(Words& words) {
    if (!words.take("DEFAULT ROLE")) {
        return {};
    }
    const std::string_view all = words.rest();
    std::string_view left = all;
    while (!words.at_end() && !words.take("REQUIRE")) {
        words.next();
        left = words.rest();
    }
    const std::string_view roles = all.substr(0, all.size() - left.size());
    words = Words(left);
    return std::string(Words(roles).rest());
}

bool says_locked(Words words) {
    while (!words.at_end()) {
        if (words.take("ACCOUNT LOCK")) {
            return true;
        }
        words.next();
    }
    return false;
}

} // namespace

bool Method::by_password() const {
    return std::find(by_passwords.begin(), by_passwords.end(), plugin) != by_passwords.end();
}

const Method* Account::settable() const {
    const auto found = std::find_if(methods.begin(), methods.end(),
                                    [](const Method& method) { return verifier_of_plugin(method.plugin) != nullptr; });
    return found == methods.end() ? nullptr : &*found;
}

std::optional<Account> parse_account(std::string_view text) {
    Words words(text);
    Account account;
    if (!words.take("CREATE USER")) {
        return std::nullopt;
    }
    auto user = words.value();
    auto host = words.take("@") ? words.value() : std::nullopt;
    if (!user || !host) {
        return std::nullopt;
    }
    account.user = std::move(*user);
    account.host = std::move(*host);
    if (!read_methods(words, account)) {
        return std::nullopt;
    }
    if (account.several_factors) {
        return account; // nothing of it is used
    }
    account.default_roles = read_default_roles(words);
    account.rest = words.rest();
    account.locked = says_locked(Words(account.rest));
    return account;
}

} // namespace rekey::rotation::mysql
