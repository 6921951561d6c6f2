#include "rotation/leased_rotator.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Clock::time_point asked{seconds(1000)};

TEST(LeaseGrant, IsAskedForMoreAtTwoThirdsOfItsLifeOrATenthOfItBefore) {
    auto grant = grant_of({seconds(60), true}, asked, 0);
    EXPECT_EQ(grant.end, asked + seconds(60));
    EXPECT_EQ(grant.due, asked + seconds(40));
    EXPECT_TRUE(grant.renewable);
    for (std::uint64_t random : {1ULL, 6000ULL, 123456789ULL, ~0ULL}) {
        auto due = grant_of({seconds(60), true}, asked, random).due;
        EXPECT_GE(due, asked + seconds(34));
        EXPECT_LE(due, asked + seconds(40));
    }
    EXPECT_EQ(grant_of({milliseconds(0), false}, asked, 7).due, asked);
}

TEST(LeaseGrant, IsNotRenewedAgainOnceARenewalBroughtLess) {
    auto grant = grant_of({seconds(60), true}, asked, 0);
    auto later = asked + seconds(40);
    EXPECT_TRUE(renewed_grant(grant, {seconds(60), true}, later, 0).renewable);
    EXPECT_TRUE(renewed_grant(grant, {milliseconds(59'500), true}, later, 0).renewable) << "whole seconds are told";
    EXPECT_FALSE(renewed_grant(grant, {seconds(20), true}, later, 0).renewable);
    EXPECT_FALSE(renewed_grant(grant, {seconds(60), false}, later, 0).renewable);
    auto last = renewed_grant(grant, {seconds(21), true}, later, 0);
    EXPECT_EQ(last.end, later + seconds(21));
    EXPECT_EQ(last.due, later + seconds(7));
}

TEST(LeaseGrant, IsWithdrawnATenthOfItsLifeBeforeItsEndWithinBounds) {
    auto margin = [](seconds life) {
        auto grant = grant_of({life, true}, asked, 0);
        return grant.end - withdrawn_from(grant);
    };
    EXPECT_EQ(margin(seconds(60)), seconds(6));
    EXPECT_EQ(margin(seconds(5)), seconds(1));
    EXPECT_EQ(margin(seconds(3600)), seconds(10));
}

} // namespace
} // namespace rekey::rotation
