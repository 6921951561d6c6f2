#include "rotation/strategies/mysql_single_user.hpp"

#include "rotation/strategies/mysql_quote.hpp"
#include "rotation/strategies/mysql_statements.hpp"

namespace rekey::rotation::mysql {

Question SingleUser::inspect(Task, const std::string& user, const Answers& answers) const {
    return ask_account(user, answers);
}

Preparation SingleUser::prepare(const std::string& user, const Answers& answers) const {
    std::string refusal = account_refusal({user}, answers);
    const auto account = described_account(answers);
    if (refusal.empty() && !by_admin_ && !account->mariadb) {
        refusal = "a MySQL account cannot set its own password by a hash, and no other way keeps it out of the "
                  "statement: `rotation.admin` is needed";
    }
    if (refusal.empty() && !by_admin_ && account->methods.size() > 1) {
        refusal = "the account has several ways to log in, which only `rotation.admin` can replace";
    }
    return {std::move(refusal), {}, {}};
}

MakeVerifier SingleUser::verifier(const Answers& answers) const {
    return verifier_for(described_account(answers));
}

std::vector<std::string> SingleUser::change(const std::string& user, const std::string& verifier,
                                            const Answers& answers) const {
    const Account account = described_account(answers).value();
    if (!by_admin_) {
        return under_lock(account, user, "SET PASSWORD = " + quote_text(verifier));
    }
    return under_lock(account, user,
                      "ALTER USER " + quote_account(account.user, account.host) +
                          identified(account, {account.settable()->plugin, verifier}));
}

std::vector<std::string> SingleUser::retire(const std::string& user, const Answers& answers) const {
    const auto account = described_account(answers);
    if (!account || account->mariadb) {
        return {};
    }
    return under_lock(*account, user,
                      "ALTER USER " + quote_account(account->user, account->host) + " DISCARD OLD PASSWORD");
}

std::string SingleUser::advice(const StatementResult& failure) const {
    return advice_on(failure, "CREATE USER ON *.*");
}

} // namespace rekey::rotation::mysql
