// What SHOW GRANTS tells of one account, to be given to another.
#pragma once

#include "rotation/strategies/strategy.hpp"

#include <string>
#include <vector>

namespace rekey::rotation::mysql {

// One line, taken apart around the account's name: `GRANT SELECT ON x.* TO `, ` WITH GRANT OPTION`.
struct Grant {
    std::string before, after;
    bool is_usage = false; // GRANT USAGE: no right at all
    bool is_role = false;  // GRANT `role` TO …
    std::string roles;     // of these: their names
    bool operator==(const Grant&) const = default;

    std::string to(const std::string& account) const { return before + account + after; }
};

// Lines about others (PUBLIC) are left out; passwords, TLS and limits, which MariaDB repeats here, too.
std::vector<Grant> parse_grants(const Rows& rows, const std::string& account);

// The statements after which `account` has what `model` says, and no more. None when it is so already.
std::vector<std::string> give_grants(const std::vector<Grant>& model, const std::vector<Grant>& present,
                                     const std::string& account);

} // namespace rekey::rotation::mysql
