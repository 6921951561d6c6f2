// The replacement decision: which backend is opened or retired next while a pool moves to a newer generation.
//
// Pure; used by the pool on its own thread. The contract between the two:
//   - The pool keeps one ReplaceTally from the beginning of a replacement until next_step() says `finished`; a newer
//     generation that supersedes goes on with it, so that what is owed stays owed. It asks next_step()
//     after every change (a backend opened, failed, was released or went) and at the time the last answer named. It
//     does what the answer says, at most once, and asks again until the action is `wait` or `finished`.
//   - open_one: start one login with the newest generation, tally.opening(); then exactly one of tally.opened() and
//     tally.open_failed().
//   - retire_idle_old, retire_one_first: close one idle old backend, the oldest generation first, then the longest
//     open; tally.old_gone(). The former comes half a gap after its successor's login began: two smaller loads for the
//     server instead of one.
//   - release_budget stands beside every action until the next answer: that many of the next old backends to reach a
//     safe point are closed there (tally.old_gone()) instead of going back to the pool. So a busy one holds up nobody.
//     With balance() == 0 that one goes before its successor is made, and is counted like retire_one_first.
//   - The connection that verified the credential, kept as the first new backend: tally.opening(), tally.opened().
//   - An old backend that goes by itself (server, lifetime, its client) is reported by tally.old_gone(), too. One whose
//     login with an older generation failed never was open, and is not reported.
//   - Clients' own demand may open backends only while all that are open or connecting are fewer than `size`; each that
//     succeeds is reported by tally.opened_for_demand().
// Kept thereby: never more than size + surge, never more retired than made (one ahead with surge 0, or when the server
// has no slot for the extra one), only the newest generation opened.
#pragma once

#include "rotation/ports.hpp"

#include <cstdint>
#include <optional>

namespace rekey::rotation {

// max(10 ms, window / backends): the pause between two logins of one replacement.
std::chrono::nanoseconds replace_gap(std::chrono::nanoseconds window, std::uint32_t backends);

// What this replacement has made and broken so far.
class ReplaceTally {
  public:
    void opening();
    void opened();
    // `no_slot`: the server had no room for the extra one; the next step then retires one first.
    void open_failed(bool no_slot);
    void old_gone();
    // Fills the place of one that went first.
    void opened_for_demand();

    std::uint32_t in_flight() const { return in_flight_; }
    // Opened minus gone: above 0, so many old ones are to go; -1, one went first and its successor is to be opened.
    std::int32_t balance() const { return balance_; }
    bool slot_refused() const { return slot_refused_; }

  private:
    std::uint32_t in_flight_ = 0;
    std::uint32_t prepaid_ = 0; // old ones that went by themselves while their successors were being opened
    std::int32_t balance_ = 0;
    bool slot_refused_ = false;
};

// All counts are of the upstream's budget as this pool sees it; a backend is in exactly one of them.
struct ReplaceView {
    std::uint32_t size = 0, surge = 0;
    std::uint32_t idle_old = 0;
    std::uint32_t busy_old = 0;   // serving, being reset, or still connecting with an older generation
    std::uint32_t pinned_old = 0; // held by sessions with state that cannot be moved
    std::uint32_t fresh = 0;      // open, newest generation
    std::uint32_t connecting = 0; // of the newest generation, whoever asked for them
    std::uint32_t elsewhere = 0;  // open or connecting in sibling pools of the same upstream
    std::chrono::nanoseconds gap{0};
    std::optional<Clock::time_point> last_open;  // start of this replacement's latest login; absent: none yet
    std::optional<Clock::time_point> not_before; // after a failed login: the pool's own back-off
    bool clients_wait = false; // somebody waits for a backend: the next login gives way, for half a gap at most
    Clock::time_point now;
    ReplaceTally tally;
};

enum class ReplaceAction {
    open_one,
    retire_idle_old,  // the one that a fresh backend has replaced
    retire_one_first, // before its successor is opened; counted as `surge_refused` when surge > 0
    wait,             // until something changes, or until `until`
    finished,         // no old backend is left and nothing is owed
};

struct ReplaceStep {
    ReplaceAction action = ReplaceAction::wait;
    std::uint32_t release_budget = 0;
    std::optional<Clock::time_point> until;
};

ReplaceStep next_step(const ReplaceView& view);

} // namespace rekey::rotation
