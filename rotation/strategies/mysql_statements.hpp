// What the three strategies of MySQL and MariaDB have in common.
//
// Nothing here is bound to a version: MariaDB ≥ 10.4 and MySQL ≥ 8.0.14 have every statement, others answer with an
// error whose advice says so. ALTER USER is replicated as a statement, hash and all; GET_LOCK is not.
#pragma once

#include "rotation/strategies/mysql_account.hpp"
#include "rotation/strategies/strategy.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::mysql {

// The row of mysql.user that the serving login matched: it tells itself. While nobody serves `admin` is asked for
// `user`, whose host must then be the only one. Empty once that is answered, or when it cannot be.
Question ask_account(const std::string& user, const Answers& answers);

// How many answers that took, so that the next one is the strategy's own.
std::size_t account_answers(const Answers& answers);
// Absent: not known.
std::optional<Account> described_account(const Answers& answers);
// Why it may not be rotated; empty: it may. `users`: whom the serving login may turn out to be, not empty.
std::string account_refusal(const std::vector<std::string>& users, const Answers& answers);

// Statements that read SQL which the server wrote, or that are part of it, want this first.
std::string plain_session();

// `statement` behind the lock named after `family`, which is held until the connection ends. Waits for it, and for
// whoever locks the account tables (a backup), a few seconds; MariaDB heeds only max_statement_time there. GET_LOCK
// tells by its value that it failed; EXP makes an error of that, so that what comes after is not sent.
std::vector<std::string> under_lock(const Account& account, const std::string& family, const std::string& statement);

// `IDENTIFIED …` with one method of the account's product.
std::string identified(const Account& account, const Method& method);
// MariaDB's, tried in turn. Not empty.
std::string identified_by_any(const std::vector<Method>& methods);
// A method of the account's product that no password satisfies.
Method impossible(const Account& account);

// Of the plugin that the account has; null: none that can be set.
MakeVerifier verifier_for(const std::optional<Account>& account);

// `rights`: what `admin` needs for this strategy.
std::string advice_on(const StatementResult& failure, std::string_view rights);

} // namespace rekey::rotation::mysql
