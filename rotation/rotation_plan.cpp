#include "rotation/rotation_plan.hpp"

#include "protocol/common/assert.hpp"

#include <algorithm>

namespace rekey::rotation {
namespace {

constexpr std::chrono::milliseconds shortest_gap{10};

std::uint32_t open_backends(const ReplaceView& view) {
    return view.idle_old + view.busy_old + view.pinned_old + view.fresh + view.connecting + view.elsewhere;
}

// The earliest moment for the next login, or nothing when that is now. A backend that was retired first is succeeded
// at once: the pool is short of it.
std::optional<Clock::time_point> held_until(const ReplaceView& view) {
    std::optional<Clock::time_point> until = view.not_before;
    if (view.tally.balance() >= 0 && view.last_open) {
        const auto gap = view.clients_wait ? view.gap * 3 / 2 : view.gap;
        const auto paced = *view.last_open + std::chrono::duration_cast<Clock::duration>(gap);
        until = until ? std::max(*until, paced) : paced;
    }
    if (until && *until <= view.now) {
        return std::nullopt;
    }
    return until;
}

} // namespace

std::chrono::nanoseconds replace_gap(std::chrono::nanoseconds window, std::uint32_t backends) {
    return std::max<std::chrono::nanoseconds>(shortest_gap, window / std::max<std::uint32_t>(backends, 1));
}

void ReplaceTally::opening() {
    ++in_flight_;
}

void ReplaceTally::opened() {
    REKEY_ASSERT(in_flight_ > 0);
    --in_flight_;
    slot_refused_ = false;
    if (prepaid_ > 0) {
        --prepaid_;
    } else {
        ++balance_;
    }
}

void ReplaceTally::open_failed(bool no_slot) {
    REKEY_ASSERT(in_flight_ > 0);
    --in_flight_;
    if (prepaid_ > in_flight_) {
        prepaid_ = in_flight_;
        balance_ = balance_ > 0 ? balance_ - 1 : -1;
    }
    slot_refused_ = no_slot;
}

void ReplaceTally::old_gone() {
    if (balance_ > 0) {
        --balance_;
    } else if (balance_ == 0 && prepaid_ < in_flight_) {
        ++prepaid_;
    } else if (balance_ == 0) {
        balance_ = -1;
    }
}

void ReplaceTally::opened_for_demand() {
    if (balance_ < 0 && in_flight_ == 0) {
        balance_ = 0;
    }
}

ReplaceStep next_step(const ReplaceView& view) {
    const std::uint32_t old = view.idle_old + view.busy_old + view.pinned_old;
    const std::uint32_t owed = view.tally.balance() > 0 ? static_cast<std::uint32_t>(view.tally.balance()) : 0;
    ReplaceStep step;
    // Half a gap apart, the end of the one does not fall on what the login of the other cost the server.
    const Clock::time_point retire_from =
        view.last_open ? *view.last_open + std::chrono::duration_cast<Clock::duration>(view.gap / 2) : view.now;
    if (owed > 0 && retire_from > view.now) {
        step.until = retire_from;
        return step;
    }
    step.release_budget = owed;
    if (owed > 0 && view.idle_old > 0) {
        step.action = ReplaceAction::retire_idle_old;
        return step;
    }
    // One went first; unless clients' demand has filled its place since, its successor comes before all else.
    const bool successor_due =
        view.tally.balance() < 0 && view.tally.in_flight() == 0 && open_backends(view) < view.size;
    step.until = held_until(view);
    if (successor_due && !step.until) {
        step.action = ReplaceAction::open_one;
        return step;
    }
    if (view.tally.balance() < 0 && view.connecting > 0) {
        step.until.reset();
        return step; // clients' demand is filling the place; until it has, no other one goes
    }
    if (old == 0 && view.tally.in_flight() == 0) {
        step.action = ReplaceAction::finished;
        step.until.reset();
        return step;
    }
    // One successor each. Pinned ones serve nobody else: nothing is opened ahead for them.
    if (!successor_due && view.idle_old + view.busy_old <= owed + view.tally.in_flight()) {
        step.until.reset();
        return step;
    }
    if (step.until) {
        return step;
    }
    const bool make_first = view.surge > 0 && !view.tally.slot_refused();
    if (owed + view.tally.in_flight() >= (make_first ? view.surge : 1)) {
        return step;
    }
    if (make_first) {
        const bool room = open_backends(view) < view.size + view.surge;
        step.action = room ? ReplaceAction::open_one : ReplaceAction::wait;
    } else if (view.idle_old > 0) {
        step.action = ReplaceAction::retire_one_first;
    } else {
        step.release_budget = 1;
    }
    return step;
}

} // namespace rekey::rotation
