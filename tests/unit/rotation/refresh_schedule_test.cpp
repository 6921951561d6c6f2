#include "rotation/refresh_schedule.hpp"

#include <gtest/gtest.h>

#include <random>

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

constexpr WallTime midnight = sys_days(std::chrono::year(2026) / 3 / 14);

config::RotationWindow window_of(std::chrono::minutes from, std::chrono::minutes to) { return {from, to, ""}; }

TEST(Jitter, StaysWithinItsPercentAndReachesBothEnds) {
    std::mt19937_64 random(1);
    Clock::duration least = 1h, most = 0s;
    for (int i = 0; i < 10000; ++i) {
        const Clock::duration span = jittered(10s, 10, random());
        least = std::min(least, span);
        most = std::max(most, span);
    }
    EXPECT_GE(least, 9s);
    EXPECT_LE(most, 11s);
    EXPECT_LT(least, 9100ms);
    EXPECT_GT(most, 10900ms);
}

TEST(Jitter, OfNothingIsNothing) { EXPECT_EQ(jittered(0s, 10, 12345), 0s); }

TEST(BackOff, GrowsByHalfUpToItsCap) {
    BackOff back_off(100ms, 1s);
    Clock::duration expected = 100ms;
    for (int i = 0; i < 20; ++i) {
        const Clock::duration pause = back_off.next(static_cast<std::uint64_t>(i) * 7919);
        EXPECT_GE(pause, expected * 4 / 5);
        EXPECT_LE(pause, expected * 6 / 5);
        expected = std::min<Clock::duration>(1s, expected + expected / 2);
    }
}

TEST(BackOff, StartsAgainAfterReset) {
    BackOff back_off(100ms, 1s);
    for (int i = 0; i < 10; ++i) {
        back_off.next(0);
    }
    back_off.reset();
    EXPECT_LE(back_off.next(0), 120ms);
}

// "Normal again within a second of the publication", when the new password comes up to two seconds late.
TEST(BackOff, LooksAtLeastOnceASecondInTheFirstTwoSecondsAfterARefusal) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::mt19937_64 random(seed);
        BackOff back_off = refused_back_off;
        for (Clock::duration elapsed = 0s; elapsed < 2s;) {
            const Clock::duration pause = back_off.next(random());
            if (elapsed + pause < 2s) {
                EXPECT_LT(pause, 950ms);
            }
            elapsed += pause;
        }
    }
}

TEST(PollAfter, IsTheIntervalWithATenthOfJitter) {
    EXPECT_GE(poll_after(5s, 0), 4500ms);
    EXPECT_LE(poll_after(5s, UINT64_MAX), 5500ms);
}

TEST(RotationWindow, AbsentChangesNothing) {
    EXPECT_EQ(into_window(midnight + 5h, midnight, std::nullopt, 9), midnight + 5h);
}

TEST(RotationWindow, AMomentInsideStays) {
    EXPECT_EQ(into_window(midnight + 3h, midnight, window_of(2h, 4h), 9), midnight + 3h);
}

TEST(RotationWindow, TheOpeningIsInsideAndTheEndIsNot) {
    EXPECT_EQ(into_window(midnight + 2h, midnight, window_of(2h, 4h), 9), midnight + 2h);
    EXPECT_NE(into_window(midnight + 4h, midnight + 3h, window_of(2h, 4h), 9), midnight + 4h);
}

TEST(RotationWindow, AMomentPastTheEndMovesBackIntoTheWindowAheadOfNow) {
    const WallTime moved = into_window(midnight + 4h + 1min, midnight - 19h, window_of(2h, 4h), 0);
    EXPECT_EQ(moved, midnight + 2h);
}

TEST(RotationWindow, AMomentPastTheLastOpeningWaitsForTheNext) {
    const WallTime moved = into_window(midnight + 4h + 30min, midnight + 3h + 30min, window_of(2h, 4h), 0);
    EXPECT_EQ(moved, midnight + 26h);
}

TEST(RotationWindow, IsSpreadOverItsFirstTenth) {
    for (std::uint64_t random : {std::uint64_t{0}, std::uint64_t{1} << 40, UINT64_MAX}) {
        const WallTime moved = into_window(midnight + 10h, midnight + 9h, window_of(2h, 4h), random);
        EXPECT_GE(moved, midnight + 26h);
        EXPECT_LE(moved, midnight + 26h + 12min);
    }
}

TEST(RotationWindow, MayWrapMidnight) {
    const auto window = window_of(23h, 1h);
    EXPECT_EQ(into_window(midnight + 30min, midnight, window, 9), midnight + 30min);
    EXPECT_EQ(into_window(midnight - 30min, midnight - 1h, window, 9), midnight - 30min);
    EXPECT_EQ(into_window(midnight + 2h, midnight + 1h + 30min, window, 0), midnight + 23h);
}

TEST(RotationAfter, CountsFromTheBeginningOfTheLastOne) {
    EXPECT_EQ(rotation_after(midnight, 24h, std::nullopt, 0), midnight + 24h);
}

TEST(RotationAtStart, AMissingPlanCountsFromNow) {
    EXPECT_EQ(rotation_at_start(midnight, std::nullopt, 24h, std::nullopt, 0), midnight + 24h);
}

TEST(RotationAtStart, APlanAheadIsKept) {
    EXPECT_EQ(rotation_at_start(midnight, midnight + 5h, 24h, std::nullopt, 0), midnight + 5h);
}

TEST(RotationAtStart, AnOverdueOneRunsSoonAndSpread) {
    for (std::uint64_t random : {std::uint64_t{0}, std::uint64_t{12345}, UINT64_MAX}) {
        const WallTime next = rotation_at_start(midnight, midnight - 5h, 24h, std::nullopt, random);
        EXPECT_GE(next, midnight);
        EXPECT_LE(next, midnight + 30s);
    }
}

TEST(RotationAtStart, AnOverdueOneStillWaitsForItsWindow) {
    const WallTime next = rotation_at_start(midnight + 12h, midnight - 5h, 24h, window_of(2h, 4h), 0);
    EXPECT_EQ(next, midnight + 26h);
}

TEST(RotationAtStart, AShorterIntervalBringsThePlanForward) {
    EXPECT_EQ(rotation_at_start(midnight, midnight + 100h, 24h, std::nullopt, 0), midnight + 24h);
}

} // namespace
} // namespace rekey::rotation
