// How Rekey itself changes a password at the database: the statements, and what they mean for those who log in.
//
// Pure. The rotator runs the statements through Administrator in the order of its write-ahead protocol; it knows no
// dialect. A text may hold a verifier, never a plaintext password.
//
// Fencing: change() and retire() take a lock at the database over their one statement that matters, so two processes
// which rotate the same role cannot interleave there. That is all it does: against two processes with stores of their
// own each believing in its password, only one rotator per role helps.
#pragma once

#include "config/config.hpp"
#include "rotation/ports.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation {

using Rows = std::vector<std::vector<std::string>>;

enum class Task { change, retire };

// Statements for one connection; the rows of the last are the answer.
struct Question {
    std::vector<std::string> statements; // empty: nothing more to ask
    bool as_serving = false;             // by the user that serves, not through `admin`
};
// In the order of the questions. One for the serving user has no rows while nobody serves.
using Answers = std::vector<Rows>;

struct Preparation {
    std::string refusal;               // why nothing may be changed, for a log; empty: go on
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

    // What must be known of `user` before its password is changed or retired: the question after those that `answers`
    // answer. What all of them said goes into the calls below.
    virtual Question inspect(Task task, const std::string& user, const Answers& answers) const = 0;
    virtual Preparation prepare(const std::string& user, const Answers& answers) const = 0;
    virtual MakeVerifier verifier(const Answers& answers) const = 0;
    // The last statement, and only that one, sets the verifier.
    virtual std::vector<std::string> change(const std::string& user, const std::string& verifier,
                                            const Answers& answers) const = 0;
    // Whether something is left to be done about `user`'s old password once `successor` serves and nothing uses the
    // old.
    virtual bool retires(const std::string& user, const std::string& successor) const = 0;
    // Ends that password; may be done twice. Empty: it is ended already.
    virtual std::vector<std::string> retire(const std::string& user, const Answers& answers) const = 0;
    // What an administrator can do about a statement of ours that failed; empty: its text says all.
    virtual std::string advice(const StatementResult& failure) const = 0;
};

// Those that `protocol` has, as the configuration was checked. `first_user` is the configured initial user.
std::unique_ptr<Strategy> make_strategy(config::Protocol protocol, const config::Rotation& rotation,
                                        const std::string& first_user);

} // namespace rekey::rotation
