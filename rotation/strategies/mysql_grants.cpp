#include "rotation/strategies/mysql_grants.hpp"

#include "rotation/strategies/mysql_words.hpp"

#include <algorithm>

namespace rekey::rotation::mysql {
namespace {

// WITH GRANT OPTION or WITH ADMIN OPTION, out of what else MariaDB says there.
std::string option_of(std::string_view after) {
    Words words(after);
    while (!words.at_end()) {
        if (words.take("GRANT OPTION")) {
            return " WITH GRANT OPTION";
        }
        if (words.take("ADMIN OPTION")) {
            return " WITH ADMIN OPTION";
        }
        words.next();
    }
    return {};
}

// The names in `GRANT a, b TO `; empty when there is an ON: then they are privileges.
std::string roles_of(std::string_view before) {
    Words words(before);
    if (!words.take("GRANT")) {
        return {};
    }
    const std::string_view all = words.rest();
    while (!words.at_end()) {
        const std::size_t left = words.rest().size();
        const std::string_view word = words.next();
        if (word == "ON") {
            return {};
        }
        if (word == "TO") {
            return std::string(Words(all.substr(0, all.size() - left)).rest());
        }
    }
    return {};
}

} // namespace

std::vector<Grant> parse_grants(const Rows& rows, const std::string& account) {
    std::vector<Grant> grants;
    for (const auto& row : rows) {
        const std::string line = row.empty() ? std::string() : row[0];
        const std::size_t name = line.rfind(" " + account);
        if (name == std::string::npos) {
            continue;
        }
        Grant grant;
        grant.before = line.substr(0, name + 1);
        grant.after = option_of(line.substr(name + 1 + account.size()));
        grant.is_usage = grant.before.starts_with("GRANT USAGE ON *.* TO") && grant.after.empty();
        grant.roles = roles_of(grant.before);
        grant.is_role = !grant.roles.empty();
        grants.push_back(std::move(grant));
    }
    return grants;
}

std::vector<std::string> give_grants(const std::vector<Grant>& model, const std::vector<Grant>& present,
                                     const std::string& account) {
    const auto rights = [](const std::vector<Grant>& grants) {
        std::vector<Grant> result;
        std::copy_if(grants.begin(), grants.end(), std::back_inserter(result),
                     [](const Grant& g) { return !g.is_usage; });
        return result;
    };
    const std::vector<Grant> wanted = rights(model), had = rights(present);
    std::vector<std::string> statements;
    if (std::is_permutation(wanted.begin(), wanted.end(), had.begin(), had.end())) {
        return statements;
    }
    if (!had.empty()) {
        statements.push_back("REVOKE ALL PRIVILEGES, GRANT OPTION FROM " + account);
    }
    for (const Grant& grant : had) {
        if (grant.is_role && std::find(wanted.begin(), wanted.end(), grant) == wanted.end()) {
            statements.push_back("REVOKE " + grant.roles + " FROM " + account);
        }
    }
    for (const Grant& grant : wanted) {
        statements.push_back(grant.to(account));
    }
    return statements;
}

} // namespace rekey::rotation::mysql
