// Two login roles take turns. The second is made as a member of the first when it is missing, acts as the first
// (ALTER ROLE … SET role), and carries the first one's connection limit and settings. The one that was left loses its
// password.
#pragma once

#include "rotation/strategies/postgres_statements.hpp"
#include "rotation/strategies/strategy.hpp"

namespace rekey::rotation::postgres {

class AlternatingUsers final : public Strategy {
  public:
    AlternatingUsers(std::string first, std::string second) : first_(std::move(first)), second_(std::move(second)) {}

    std::string_view name() const override { return "alternating_users"; }
    bool old_dies_at_change() const override { return false; }
    bool needs_admin() const override { return true; }
    std::string next_user(const std::string& current) const override { return current == first_ ? second_ : first_; }
    std::string role() const override { return first_; }
    Question inspect(Task task, const std::string& user, const Answers& answers) const override;
    Preparation prepare(const std::string& user, const Answers& answers) const override;
    MakeVerifier verifier(const Answers&) const override { return scram_verifier; }
    std::vector<std::string> change(const std::string& user, const std::string& verifier,
                                    const Answers& answers) const override;
    bool retires(const std::string& user, const std::string& successor) const override { return user != successor; }
    std::vector<std::string> retire(const std::string& user, const Answers& answers) const override;
    std::string advice(const StatementResult& failure) const override { return advice_on(failure); }

  private:
    std::string first_, second_;
};

} // namespace rekey::rotation::postgres
