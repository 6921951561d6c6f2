// One role, one password: the change ends the old one at once. Logins that race it are covered by the pause.
#pragma once

#include "rotation/strategies/postgres_statements.hpp"
#include "rotation/strategies/strategy.hpp"

namespace rekey::rotation::postgres {

class SingleUser final : public Strategy {
  public:
    std::string_view name() const override { return "single_user"; }
    bool old_dies_at_change() const override { return true; }
    bool needs_admin() const override { return false; }
    std::string next_user(const std::string& current) const override { return current; }
    std::string role() const override { return {}; }
    Question inspect(Task, const std::string&, const Answers&) const override { return {}; }
    Preparation prepare(const std::string&, const Answers&) const override { return {}; }
    MakeVerifier verifier(const Answers&) const override { return scram_verifier; }
    std::vector<std::string> change(const std::string& user, const std::string& verifier,
                                    const Answers& answers) const override;
    bool retires(const std::string&, const std::string&) const override { return false; }
    std::vector<std::string> retire(const std::string&, const Answers&) const override { return {}; }
    std::string advice(const StatementResult& failure) const override { return advice_on(failure); }
};

} // namespace rekey::rotation::postgres
