#include "rotation/strategies/dual_password.hpp"

#include "rotation/strategies/mysql_quote.hpp"
#include "rotation/strategies/mysql_statements.hpp"

#include <algorithm>

namespace rekey::rotation::mysql {
namespace {

std::vector<Method> with_new(const Account& account, const std::string& verifier) {
    std::vector<Method> methods{{account.settable()->plugin, verifier}};
    for (const Method& method : account.methods) {
        if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
            methods.push_back(method);
        }
    }
    return methods;
}

std::vector<Method> with_newest_only(const Account& account) {
    std::vector<Method> methods;
    bool found = false;
    for (const Method& method : account.methods) {
        if (!method.by_password() || !found) {
            methods.push_back(method);
        }
        found = found || method.by_password();
    }
    return methods;
}

} // namespace

Question DualPassword::inspect(Task, const std::string& user, const Answers& answers) const {
    return ask_account(user, answers);
}

Preparation DualPassword::prepare(const std::string& user, const Answers& answers) const {
    return {account_refusal({user}, answers), {}, {}};
}

MakeVerifier DualPassword::verifier(const Answers& answers) const {
    return verifier_for(described_account(answers));
}

std::vector<std::string> DualPassword::change(const std::string& user, const std::string& verifier,
                                              const Answers& answers) const {
    const Account account = described_account(answers).value();
    const std::string alter = "ALTER USER " + quote_account(account.user, account.host);
    if (account.mariadb) {
        return under_lock(account, user, alter + identified_by_any(with_new(account, verifier)));
    }
    return under_lock(account, user,
                      alter + identified(account, {account.settable()->plugin, verifier}) + " RETAIN CURRENT PASSWORD");
}

std::vector<std::string> DualPassword::retire(const std::string& user, const Answers& answers) const {
    const auto account = described_account(answers);
    if (!account) {
        return {};
    }
    const std::string alter = "ALTER USER " + quote_account(account->user, account->host);
    if (!account->mariadb) {
        return under_lock(*account, user, alter + " DISCARD OLD PASSWORD");
    }
    const std::vector<Method> kept = with_newest_only(*account);
    if (kept == account->methods) {
        return {};
    }
    return under_lock(*account, user, alter + identified_by_any(kept));
}

std::string DualPassword::advice(const StatementResult& failure) const {
    return advice_on(failure, "CREATE USER ON *.*");
}

} // namespace rekey::rotation::mysql
