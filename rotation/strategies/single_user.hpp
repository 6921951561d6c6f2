// One role, one password: the change ends the old one at once. Logins that race it are covered by the pause.
#pragma once

#include "rotation/strategies/strategy.hpp"

namespace rekey::rotation::postgres {

class SingleUser final : public Strategy {
  public:
    std::string_view name() const override { return "single_user"; }
    bool old_dies_at_change() const override { return true; }
    bool needs_admin() const override { return false; }
    std::string next_user(const std::string& current) const override { return current; }
    std::string role() const override { return {}; }
    std::string inspect(const std::string&) const override { return {}; }
    Preparation prepare(const std::string&, const Rows&) const override { return {}; }
    std::vector<std::string> change(const std::string& user, const std::string& verifier) const override;
    std::vector<std::string> retire(const std::string&) const override { return {}; }
};

} // namespace rekey::rotation::postgres
