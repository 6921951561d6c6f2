// When to look again: polls, retries and planned rotations. Pure: time and random numbers are arguments.
#pragma once

#include "config/config.hpp"
#include "rotation/ports.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace rekey::rotation {

using WallTime = std::chrono::system_clock::time_point;

// `span` made up to `percent` shorter or longer, so that many processes do not act in step. `random` is any number
// drawn uniformly from 64 bits.
Clock::duration jittered(Clock::duration span, unsigned percent, std::uint64_t random);

constexpr unsigned poll_jitter_percent = 10;
constexpr unsigned retry_jitter_percent = 20;

// Growing pauses between attempts that fail; never longer than `cap` (before jitter).
class BackOff {
  public:
    constexpr BackOff(Clock::duration first, Clock::duration cap) : first_(first), cap_(cap), next_(first) {}

    // The pause before the next attempt; grows by half each time.
    Clock::duration next(std::uint64_t random);
    void reset() { next_ = first_; }

  private:
    Clock::duration first_, cap_, next_;
};

// In order: the source failed while all is well; nothing works yet at start; the server refuses what we have, so that
// a new credential must be on its way (looks at least once a second in the first two seconds); a rotation was held;
// the store cannot be written; every candidate was refused and only the database's side can change that.
constexpr BackOff fetch_back_off{std::chrono::seconds(1), std::chrono::seconds(60)};
constexpr BackOff start_back_off{std::chrono::milliseconds(200), std::chrono::seconds(2)};
constexpr BackOff refused_back_off{std::chrono::milliseconds(150), std::chrono::seconds(5)};
constexpr BackOff rotation_back_off{std::chrono::seconds(10), std::chrono::minutes(10)};
constexpr BackOff store_back_off{std::chrono::milliseconds(200), std::chrono::seconds(30)};
constexpr BackOff condemned_back_off{std::chrono::seconds(30), std::chrono::minutes(5)};

// The next poll of a source that works.
Clock::duration poll_after(std::chrono::milliseconds refresh, std::uint64_t random);

// The moment moved into the daily window: unchanged inside it or without one; else to the window before it, if that
// still lies ahead of `now` (so a rotation that drifts past the window's end is not put off by a day), else to the
// next. Spread over the first tenth of the window.
WallTime into_window(WallTime moment, WallTime now, const std::optional<config::RotationWindow>& window,
                     std::uint64_t random);

// When to rotate after a rotation that began at `began`.
WallTime rotation_after(WallTime began, std::chrono::milliseconds every,
                        const std::optional<config::RotationWindow>& window, std::uint64_t random);

// What to do at start with the time in the journal: an overdue one runs soon (within half a minute or a tenth of
// `every`, spread), a missing one counts from now, one later than `every` allows (the setting shrank) is brought
// forward.
WallTime rotation_at_start(WallTime now, std::optional<WallTime> planned, std::chrono::milliseconds every,
                           const std::optional<config::RotationWindow>& window, std::uint64_t random);

} // namespace rekey::rotation
