#include "rotation/refresh_schedule.hpp"

#include <algorithm>

namespace rekey::rotation {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr milliseconds soon_at_most = std::chrono::seconds(30);

// Uniform in [0, span].
template <class Duration> Duration part_of(Duration span, std::uint64_t random) {
    const auto count = static_cast<std::uint64_t>(std::max<typename Duration::rep>(span.count(), 0));
    return Duration(static_cast<typename Duration::rep>(random % (count + 1)));
}

minutes length_of(const config::RotationWindow& window) {
    const minutes length = window.to - window.from;
    return length > minutes(0) ? length : length + days(1);
}

} // namespace

Clock::duration jittered(Clock::duration span, unsigned percent, std::uint64_t random) {
    const Clock::duration reach = span / 100 * percent;
    return span - reach + part_of(2 * reach, random);
}

Clock::duration BackOff::next(std::uint64_t random) {
    const Clock::duration pause = next_;
    next_ = std::min(cap_, next_ + next_ / 2);
    return jittered(pause, retry_jitter_percent, random);
}

Clock::duration poll_after(milliseconds refresh, std::uint64_t random) {
    return jittered(refresh, poll_jitter_percent, random);
}

WallTime into_window(WallTime moment, WallTime now, const std::optional<config::RotationWindow>& window,
                     std::uint64_t random) {
    if (!window || window->from == window->to) {
        return moment;
    }
    const minutes length = length_of(*window);
    // The latest opening not after `moment`; a window that wraps midnight may have opened the day before.
    WallTime opening = std::chrono::floor<days>(moment) + window->from;
    if (opening > moment) {
        opening -= days(1);
    }
    if (moment < opening + length) {
        return moment;
    }
    const auto spread = part_of(std::chrono::duration_cast<milliseconds>(length) / 10, random);
    return opening + spread > now ? opening + spread : opening + days(1) + spread;
}

WallTime rotation_after(WallTime began, milliseconds every, const std::optional<config::RotationWindow>& window,
                        std::uint64_t random) {
    return into_window(began + every, began, window, random);
}

WallTime rotation_at_start(WallTime now, std::optional<WallTime> planned, milliseconds every,
                           const std::optional<config::RotationWindow>& window, std::uint64_t random) {
    if (planned && *planned <= now) {
        const milliseconds soon = std::min(soon_at_most, every / 10);
        return into_window(now + part_of(soon, random), now, window, random);
    }
    if (planned && *planned <= now + every) {
        return into_window(*planned, now, window, random);
    }
    return rotation_after(now, every, window, random);
}

} // namespace rekey::rotation
