// One account, one password: the change ends the old one at once. Logins that race it are covered by the pause.
//
// Without `admin` the account changes itself, which only MariaDB allows with a hash. MySQL's forgotten second password
// (RETAIN CURRENT PASSWORD) survives a change and is discarded after it.
#pragma once

#include "rotation/strategies/strategy.hpp"

namespace rekey::rotation::mysql {

class SingleUser final : public Strategy {
  public:
    explicit SingleUser(bool by_admin) : by_admin_(by_admin) {}

    std::string_view name() const override { return "single_user"; }
    bool old_dies_at_change() const override { return true; }
    bool needs_admin() const override { return false; }
    std::string next_user(const std::string& current) const override { return current; }
    std::string role() const override { return {}; }
    Question inspect(Task task, const std::string& user, const Answers& answers) const override;
    Preparation prepare(const std::string& user, const Answers& answers) const override;
    MakeVerifier verifier(const Answers& answers) const override;
    std::vector<std::string> change(const std::string& user, const std::string& verifier,
                                    const Answers& answers) const override;
    bool retires(const std::string&, const std::string&) const override { return by_admin_; }
    std::vector<std::string> retire(const std::string& user, const Answers& answers) const override;
    std::string advice(const StatementResult& failure) const override;

  private:
    bool by_admin_;
};

} // namespace rekey::rotation::mysql
