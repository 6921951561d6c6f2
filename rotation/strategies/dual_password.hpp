// One account with two passwords while backends are replaced: MySQL keeps the current one as the second (RETAIN CURRENT
// PASSWORD, DISCARD OLD PASSWORD; manual, "Dual Password Support"), MariaDB tries several methods in turn (IDENTIFIED
// VIA … OR …). Nobody is refused at any moment.
//
// MariaDB: the newest comes first. The change keeps whatever the account has behind it; the retirement leaves the first
// password, and methods that are none (unix_socket and the like).
#pragma once

#include "rotation/strategies/strategy.hpp"

namespace rekey::rotation::mysql {

class DualPassword final : public Strategy {
  public:
    std::string_view name() const override { return "dual_password"; }
    bool old_dies_at_change() const override { return false; }
    bool needs_admin() const override { return true; }
    std::string next_user(const std::string& current) const override { return current; }
    std::string role() const override { return {}; }
    Question inspect(Task task, const std::string& user, const Answers& answers) const override;
    Preparation prepare(const std::string& user, const Answers& answers) const override;
    MakeVerifier verifier(const Answers& answers) const override;
    std::vector<std::string> change(const std::string& user, const std::string& verifier,
                                    const Answers& answers) const override;
    bool retires(const std::string&, const std::string&) const override { return true; }
    std::vector<std::string> retire(const std::string& user, const Answers& answers) const override;
    std::string advice(const StatementResult& failure) const override;
};

} // namespace rekey::rotation::mysql
