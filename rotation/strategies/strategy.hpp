// How Rekey itself changes a password at the database: the statements, and what they mean for those who log in.
//
// Pure. The rotator runs the statements through Administrator in the order of its write-ahead protocol; it knows no
// dialect. A text may hold a verifier, never a plaintext password.
//
// Fencing: change() and retire() take a lock at the database over their one statement that matters, so two processes
// which rotate the same role cannot interleave there. That is all it does: against two processes with stores of their own
// each believing in its password, only one rotator per role helps.
#pragma once

#include "config/config.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation {

using Rows = std::vector<std::vector<std::string>>;

struct Preparation {
    std::vector<std::string> required; // in one run
    std::vector<std::string> wished;   // one by one; a failure is logged and passed over
};

class Strategy {
  public:
    virtual ~Strategy() = default;
    virtual std::string_view name() const = 0;
    // The old password dies with the change: logins pause from before it until the new one is published.
    virtual bool old_dies_at_change() const = 0;
    // Otherwise the role may change itself.
    virtual bool needs_admin() const = 0;
    // Whose password the next rotation sets while `current` serves.
    virtual std::string next_user(const std::string& current) const = 0;
    // Sent to every backend at start-up when the configuration names no role; empty: none.
    virtual std::string role() const = 0;

    // One query whose rows prepare() reads; empty: nothing to prepare for `user`.
    virtual std::string inspect(const std::string& user) const = 0;
    virtual Preparation prepare(const std::string& user, const Rows& rows) const = 0;
    // The last statement, and only that one, sets the verifier.
    virtual std::vector<std::string> change(const std::string& user, const std::string& verifier) const = 0;
    // Ends `user`'s password once nothing uses it; empty: the change did.
    virtual std::vector<std::string> retire(const std::string& user) const = 0;
};

// For PostgreSQL: single_user and alternating_users. `first_user` is the configured initial user.
std::unique_ptr<Strategy> make_strategy(const config::Rotation& rotation, const std::string& first_user);

} // namespace rekey::rotation
