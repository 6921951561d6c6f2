// What the server tells of an account by SHOW CREATE USER, which an account may always ask about itself.
//
// The text is the server's own SQL; it is read with sql_mode = '' and sql_quote_show_create = 1. MySQL names one
// plugin (`IDENTIFIED WITH`), MariaDB perhaps several that are tried in turn (`IDENTIFIED VIA … OR …`).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::mysql {

struct Method {
    std::string plugin;
    std::string hash; // as stored; empty where MySQL shows `<secret>`
    // Proven by a password, not by the operating system or another service.
    bool by_password() const;
    bool operator==(const Method&) const = default;
};

struct Account {
    std::string user, host;
    bool mariadb = false;
    std::vector<Method> methods;
    bool several_factors = false; // MySQL's multifactor authentication
    bool locked = false;
    std::string default_roles; // MySQL: as written after DEFAULT ROLE
    std::string rest;          // from REQUIRE on, as written: TLS, limits, password policy, lock, attributes

    // The first one whose password is set by a hash that is made here; null: none.
    const Method* settable() const;
};

// Absent: no such text.
std::optional<Account> parse_account(std::string_view text);

} // namespace rekey::rotation::mysql
