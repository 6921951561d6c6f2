#include "rotation/strategies/mysql_statements.hpp"

#include "protocol/auth/digest.hpp"
#include "protocol/auth/hexadecimal.hpp"
#include "protocol/common/assert.hpp"
#include "rotation/strategies/mysql_quote.hpp"
#include "rotation/strategies/mysql_verifier.hpp"

#include <algorithm>

namespace rekey::rotation::mysql {
namespace {

constexpr std::size_t longest_lock_name = 64;

std::string lock_name(const std::string& family) {
    const std::string name = "rekey:" + family;
    if (name.size() <= longest_lock_name) {
        return name;
    }
    const auto digest = protocol::auth::sha256({family});
    return "rekey:" + protocol::auth::to_hexadecimal(protocol::auth::view(digest).substr(0, 20));
}

// An answer's only value; empty when there is none.
std::string single(const Rows& rows) {
    return rows.size() == 1 && !rows[0].empty() ? rows[0][0] : std::string();
}

std::string why_not(const Account& account, const std::vector<std::string>& users) {
    const std::string name = quote_account(account.user, account.host);
    if (std::find(users.begin(), users.end(), account.user) == users.end()) {
        return "logins of " + users.front() + " are served by another account, " + name +
               ": its password is not touched";
    }
    if (account.locked) {
        return "the account " + name + " is locked";
    }
    if (account.several_factors) {
        return "the account " + name + " needs several factors to log in";
    }
    if (account.settable() != nullptr) {
        return {};
    }
    const std::string plugin = account.methods.empty() ? "no password" : account.methods.front().plugin;
    return "the account " + name + " logs in with " + plugin +
           "; rotation knows caching_sha2_password, mysql_native_password and ed25519";
}

} // namespace

std::string plain_session() {
    return "SET SESSION sql_mode = '', sql_quote_show_create = 1, lock_wait_timeout = 5";
}

Question ask_account(const std::string& user, const Answers& answers) {
    if (answers.empty()) {
        return {{plain_session(), "SHOW CREATE USER CURRENT_USER()"}, true};
    }
    if (!answers[0].empty()) {
        return {};
    }
    if (answers.size() == 1) {
        return {{"SELECT Host FROM mysql.user WHERE User = " + quote_text(user)}};
    }
    if (answers.size() == 2 && answers[1].size() == 1) {
        return {{plain_session(), "SHOW CREATE USER " + quote_account(user, single(answers[1]))}};
    }
    return {};
}

std::size_t account_answers(const Answers& answers) {
    return answers.empty() || !answers[0].empty() ? 1 : 3;
}

std::optional<Account> described_account(const Answers& answers) {
    const std::size_t last = account_answers(answers) - 1;
    return last < answers.size() ? parse_account(single(answers[last])) : std::nullopt;
}

std::string account_refusal(const std::vector<std::string>& users, const Answers& answers) {
    if (const auto account = described_account(answers)) {
        return why_not(*account, users);
    }
    if (answers.size() >= account_answers(answers)) {
        return "the server does not describe the account of " + users.front();
    }
    if (answers.size() < 2 || answers[1].empty()) {
        return "there is no account " + users.front();
    }
    return "there are several accounts " + users.front() +
           " with different hosts; which one serves is not known while none logs in";
}

std::vector<std::string> under_lock(const Account& account, const std::string& family, const std::string& statement) {
    return {plain_session() + (account.mariadb ? ", max_statement_time = 6" : ""),
            "SET @rekey = EXP(IF(GET_LOCK(" + quote_text(lock_name(family)) + ", 5) = 1, 0, 1000))", statement};
}

std::string identified(const Account& account, const Method& method) {
    if (account.mariadb) {
        return identified_by_any({method});
    }
    return " IDENTIFIED WITH " + quote_text(method.plugin) + " AS " + quote_text(method.hash);
}

std::string identified_by_any(const std::vector<Method>& methods) {
    REKEY_ASSERT(!methods.empty());
    std::string text;
    for (const Method& method : methods) {
        text += (text.empty() ? " IDENTIFIED VIA " : " OR ") + quote_name(method.plugin);
        if (!method.hash.empty()) {
            text += " USING " + quote_text(method.hash);
        }
    }
    return text;
}

// The texts that the servers themselves use for accounts nobody logs in to.
Method impossible(const Account& account) {
    if (account.mariadb) {
        return {"mysql_native_password", "invalid"};
    }
    const Method* method = account.settable();
    if (method != nullptr && method->plugin == "mysql_native_password") {
        return {method->plugin, "*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE"};
    }
    return {"caching_sha2_password", "$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED"};
}

MakeVerifier verifier_for(const std::optional<Account>& account) {
    const Method* method = account ? account->settable() : nullptr;
    return method == nullptr ? nullptr : verifier_of_plugin(method->plugin);
}

} // namespace rekey::rotation::mysql
