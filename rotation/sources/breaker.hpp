// Spares a store that does not work: after some failures in a row it is asked once in a while only.
//
//   closed ──failures──▶ open ──its time is over──▶ half open: one probe ──success──▶ closed, ──failure──▶ open, longer
//
// Pure: time and random numbers are arguments. For every source that asks over a network.
#pragma once

#include "rotation/refresh_schedule.hpp"

#include <cstdint>
#include <optional>

namespace rekey::rotation {

class Breaker {
  public:
    // Whether the store may be asked now. In the half-open state true once: for the probe.
    bool allows(Clock::time_point now);
    // What came of what was allowed. Only failures of the store itself count: no answer, or 5xx.
    void succeeded();
    bool open() const { return open_until_.has_value(); } // or half open
    void failed(Clock::time_point now, std::uint64_t random);

    static constexpr unsigned failures_in_a_row = 4;

  private:
    unsigned failures_ = 0;
    bool probing_ = false;
    std::optional<Clock::time_point> open_until_;
    BackOff pauses_{std::chrono::seconds(2), std::chrono::seconds(30)};
};

} // namespace rekey::rotation
