// Two accounts take turns. The second is made with the host, rights, limits and TLS requirements of the first, which
// are copied again before each of its turns; it has no password until then. The one that was left loses its own.
//
// What depends on the account's name (CURRENT_USER(), the definer of what is created) changes with the turns; where
// that matters, dual_password does not.
#pragma once

#include "rotation/strategies/strategy.hpp"

namespace rekey::rotation::mysql {

class AlternatingUsers final : public Strategy {
  public:
    AlternatingUsers(std::string first, std::string second) : first_(std::move(first)), second_(std::move(second)) {}

    std::string_view name() const override { return "alternating_users"; }
    bool old_dies_at_change() const override { return false; }
    bool needs_admin() const override { return true; }
    std::string next_user(const std::string& current) const override { return current == first_ ? second_ : first_; }
    std::string role() const override { return {}; }
    Question inspect(Task task, const std::string& user, const Answers& answers) const override;
    Preparation prepare(const std::string& user, const Answers& answers) const override;
    MakeVerifier verifier(const Answers& answers) const override;
    std::vector<std::string> change(const std::string& user, const std::string& verifier,
                                    const Answers& answers) const override;
    bool retires(const std::string& user, const std::string& successor) const override { return user != successor; }
    std::vector<std::string> retire(const std::string& user, const Answers& answers) const override;
    std::string advice(const StatementResult& failure) const override;

  private:
    std::string first_, second_;
};

} // namespace rekey::rotation::mysql
