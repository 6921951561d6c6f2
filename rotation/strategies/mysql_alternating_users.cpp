#include "rotation/strategies/mysql_alternating_users.hpp"

#include "rotation/strategies/mysql_grants.hpp"
#include "rotation/strategies/mysql_quote.hpp"
#include "rotation/strategies/mysql_statements.hpp"

namespace rekey::rotation::mysql {
namespace {

// The questions after those about the account that serves, which is the model when it is the clone's turn.
enum : std::size_t { model_grants, clone_exists, clone_account, clone_grants };

struct Accounts {
    std::optional<Account> model, clone;
    std::vector<Grant> model_grants, clone_grants;
    bool cloned = false; // the clone exists
};

Accounts read_accounts(const Answers& answers, const std::string& model, const std::string& clone) {
    const auto rows = [&, first = account_answers(answers)](std::size_t number) {
        return first + number < answers.size() ? answers[first + number] : Rows();
    };
    const auto described = [&](std::size_t number) {
        const Rows found = rows(number);
        return found.empty() || found[0].empty() ? std::nullopt : parse_account(found[0][0]);
    };
    return {described_account(answers), described(clone_account), parse_grants(rows(model_grants), model),
            parse_grants(rows(clone_grants), clone), !rows(clone_exists).empty()};
}

// What is not written after an account's name is not changed by ALTER USER: first everything is taken away.
constexpr std::string_view no_limits = " REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0"
                                       " MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 0";

std::vector<std::string> copy_account(const Accounts& both, const std::string& clone) {
    std::vector<std::string> statements;
    const std::string attributes = both.model->rest.empty() ? "" : " " + both.model->rest;
    if (!both.cloned) {
        statements.push_back("CREATE USER " + clone + identified(*both.model, impossible(*both.model)) + attributes);
    } else if (both.clone->rest != both.model->rest) {
        statements.push_back("ALTER USER " + clone + std::string(no_limits));
        if (!attributes.empty()) {
            statements.push_back("ALTER USER " + clone + attributes);
        }
    }
    const auto grants = give_grants(both.model_grants, both.clone_grants, clone);
    statements.insert(statements.end(), grants.begin(), grants.end());
    const std::string& roles = both.model->default_roles;
    const std::string had = both.clone ? both.clone->default_roles : std::string();
    if (roles != had || (!roles.empty() && !grants.empty())) {
        statements.push_back("ALTER USER " + clone + " DEFAULT ROLE " + (roles.empty() ? "NONE" : roles));
    }
    if (!statements.empty()) {
        statements.insert(statements.begin(), plain_session());
    }
    return statements;
}

} // namespace

Question AlternatingUsers::inspect(Task task, const std::string& user, const Answers& answers) const {
    Question about_host = ask_account(first_, answers);
    const auto account = described_account(answers);
    if (!about_host.statements.empty() || task != Task::change || user != second_ || !account) {
        return about_host;
    }
    const std::string model = quote_account(first_, account->host), clone = quote_account(second_, account->host);
    switch (answers.size() - account_answers(answers)) {
    case model_grants:
        return {{plain_session(), "SHOW GRANTS FOR " + model}};
    case clone_exists:
        return {{"SELECT Host FROM mysql.user WHERE User = " + quote_text(second_) +
                 " AND Host = " + quote_text(account->host)}};
    case clone_account:
        return answers.back().empty() ? Question{} : Question{{plain_session(), "SHOW CREATE USER " + clone}};
    case clone_grants:
        return {{plain_session(), "SHOW GRANTS FOR " + clone}};
    default:
        return {};
    }
}

Preparation AlternatingUsers::prepare(const std::string& user, const Answers& answers) const {
    Preparation preparation;
    preparation.refusal = account_refusal({user == second_ ? first_ : second_, first_}, answers);
    if (!preparation.refusal.empty() || user != second_) {
        return preparation;
    }
    const std::string host = described_account(answers)->host, clone = quote_account(second_, host);
    const Accounts both = read_accounts(answers, quote_account(first_, host), clone);
    if (both.model_grants.empty() || (both.cloned && !both.clone)) {
        preparation.refusal = "the server does not describe the accounts of " + first_ + " and " + second_;
    } else if (both.cloned && both.clone->locked) {
        preparation.refusal = "the account " + clone + " is locked";
    } else {
        preparation.required = copy_account(both, clone);
    }
    return preparation;
}

MakeVerifier AlternatingUsers::verifier(const Answers& answers) const {
    return verifier_for(described_account(answers));
}

std::vector<std::string> AlternatingUsers::change(const std::string& user, const std::string& verifier,
                                                  const Answers& answers) const {
    const Account account = described_account(answers).value();
    return under_lock(account, first_,
                      "ALTER USER " + quote_account(user, account.host) +
                          identified(account, {account.settable()->plugin, verifier}));
}

std::vector<std::string> AlternatingUsers::retire(const std::string& user, const Answers& answers) const {
    const auto account = described_account(answers);
    if (!account) {
        return {};
    }
    const std::string alter = "ALTER USER " + quote_account(user, account->host);
    auto statements = under_lock(*account, first_, alter + identified(*account, impossible(*account)));
    if (!account->mariadb) {
        statements.push_back(alter + " DISCARD OLD PASSWORD");
    }
    return statements;
}

std::string AlternatingUsers::advice(const StatementResult& failure) const {
    return advice_on(failure,
                     "CREATE USER ON *.*, SELECT ON mysql.* and, WITH GRANT OPTION, what " + first_ + " may do");
}

} // namespace rekey::rotation::mysql
