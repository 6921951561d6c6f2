#include "rotation/strategies/alternating_users.hpp"

#include "rotation/strategies/postgres_quote.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace rekey::rotation::postgres {
namespace {

// What inspect() returned about one role. Settings by (database or empty, name).
struct RoleFacts {
    std::optional<std::string> connection_limit; // absent: no such role
    std::map<std::pair<std::string, std::string>, std::string> settings;
};

// Rows: 'role', name, connection limit, ''; 'setting', name, database, name=value.
RoleFacts facts_of(const std::string& user, const Rows& rows) {
    RoleFacts facts;
    for (const auto& row : rows) {
        if (row.size() != 4 || row[1] != user) {
            continue;
        }
        const std::size_t equals = row[3].find('=');
        if (row[0] == "role") {
            facts.connection_limit = row[2];
        } else if (row[0] == "setting" && equals != std::string::npos) {
            facts.settings[{row[2], row[3].substr(0, equals)}] = row[3].substr(equals + 1);
        }
    }
    return facts;
}

// The server's number, or "no limit" when it is none: it goes into a statement.
std::string number(const std::string& text) {
    const std::string_view digits = std::string_view(text).substr(text.starts_with('-') ? 1 : 0);
    const bool numeric = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    return numeric ? text : "-1";
}

} // namespace

Question AlternatingUsers::inspect(Task task, const std::string& user, const Answers& answers) const {
    if (task != Task::change || user != second_ || !answers.empty()) {
        return {};
    }
    const std::string both = "(" + quote_text(first_) + ", " + quote_text(second_) + ")";
    return {{"SELECT 'role', rolname::text, rolconnlimit::text, '' FROM pg_roles WHERE rolname IN " + both +
             " UNION ALL SELECT 'setting', r.rolname::text, coalesce(d.datname::text, ''), c.setting"
             " FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole"
             " LEFT JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)"
             " WHERE r.rolname IN " +
             both}};
}

Preparation AlternatingUsers::prepare(const std::string& user, const Answers& answers) const {
    Preparation preparation;
    if (user != second_ || answers.empty()) {
        return preparation;
    }
    const RoleFacts model = facts_of(first_, answers[0]), clone = facts_of(second_, answers[0]);
    const std::string limit = number(model.connection_limit.value_or("-1"));
    const std::string clone_name = quote_name(second_);
    if (!clone.connection_limit) {
        preparation.required = {"CREATE ROLE " + clone_name + " LOGIN CONNECTION LIMIT " + limit + " IN ROLE " +
                                    quote_name(first_),
                                "ALTER ROLE " + clone_name + " SET role = " + quote_text(first_)};
    } else if (*clone.connection_limit != limit) {
        preparation.wished.push_back("ALTER ROLE " + clone_name + " CONNECTION LIMIT " + limit);
    }
    for (const auto& [key, value] : model.settings) {
        const auto& [database, setting] = key;
        const auto same = clone.settings.find(key);
        if (setting == "role" || (same != clone.settings.end() && same->second == value)) {
            continue;
        }
        preparation.wished.push_back("ALTER ROLE " + clone_name +
                                     (database.empty() ? "" : " IN DATABASE " + quote_name(database)) + " SET " +
                                     quote_name(setting) + " = " + quote_setting(setting, value));
    }
    return preparation;
}

std::vector<std::string> AlternatingUsers::change(const std::string& user, const std::string& verifier,
                                                  const Answers&) const {
    return set_verifier(first_, user, verifier);
}

std::vector<std::string> AlternatingUsers::retire(const std::string& user, const Answers&) const {
    return under_lock(first_, "ALTER ROLE " + quote_name(user) + " PASSWORD NULL");
}

} // namespace rekey::rotation::postgres
