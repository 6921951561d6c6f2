// A pool for the tests of the plan that replaces its backends.
#pragma once

#include "rotation/rotation_plan.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace rekey::rotation {

using namespace std::chrono_literals;

inline ReplaceView full_pool(std::uint32_t idle, std::uint32_t busy) {
    ReplaceView view;
    view.size = idle + busy;
    view.surge = 1;
    view.idle_old = idle;
    view.busy_old = busy;
    view.gap = 50ms;
    view.now = Clock::time_point{} + 1h;
    return view;
}

// A pool that follows the answers, with logins that succeed at once unless told otherwise.
struct ReplacePool {
    ReplaceView view;
    std::uint32_t most = 0, least = UINT32_MAX, opens = 0, closed_first = 0;

    std::uint32_t open() const {
        return view.idle_old + view.busy_old + view.pinned_old + view.fresh + view.connecting;
    }
    void note() {
        most = std::max(most, open());
        least = std::min(least, open() - view.connecting);
    }
    void begin_open() {
        view.tally.opening();
        view.last_open = view.now;
        ++view.connecting;
        ++opens;
        note();
    }
    void finish_open() {
        view.tally.opened();
        --view.connecting;
        ++view.fresh;
        note();
    }
    void refuse_slot() {
        view.tally.open_failed(true);
        --view.connecting;
        note();
    }
    void close_idle() {
        closed_first += view.tally.balance() == 0 ? 1 : 0;
        --view.idle_old;
        view.tally.old_gone();
        note();
    }
    // A busy old backend reaches its safe point.
    void release() {
        --view.busy_old;
        if (next_step(view).release_budget > 0) {
            closed_first += view.tally.balance() == 0 ? 1 : 0;
            view.tally.old_gone();
        } else {
            ++view.idle_old;
        }
        note();
    }
    // Follows the plan until it waits for an event; logins succeed.
    ReplaceAction run() {
        for (;;) {
            const ReplaceStep step = next_step(view);
            switch (step.action) {
            case ReplaceAction::open_one:
                begin_open();
                finish_open();
                break;
            case ReplaceAction::retire_idle_old:
            case ReplaceAction::retire_one_first:
                close_idle();
                break;
            case ReplaceAction::finished:
                return step.action;
            case ReplaceAction::wait:
                if (!step.until) {
                    return step.action;
                }
                view.now = *step.until;
                break;
            }
        }
    }
};

} // namespace rekey::rotation
