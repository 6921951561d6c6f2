#include "protocol/auth/password.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace rekey::protocol::auth {
namespace {

TEST(RandomPassword, HoldsEachClassAndNothingElse) {
    for (std::size_t length : {8u, 9u, 32u, 33u, 200u}) {
        for (int i = 0; i < 200; ++i) {
            auto password = random_password(length);
            auto text = password.reveal();
            ASSERT_EQ(text.size(), length);
            auto count = [&](auto belongs) { return std::count_if(text.begin(), text.end(), belongs); };
            auto upper = count([](char c) { return c >= 'A' && c <= 'Z'; });
            auto lower = count([](char c) { return c >= 'a' && c <= 'z'; });
            auto digits = count([](char c) { return c >= '0' && c <= '9'; });
            EXPECT_GT(upper, 0);
            EXPECT_GT(lower, 0);
            EXPECT_GT(digits, 0);
            EXPECT_EQ(static_cast<std::size_t>(upper + lower + digits), length);
        }
    }
}

TEST(RandomPassword, NeverRepeats) {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(seen.emplace(random_password().reveal()).second);
}

// 62 characters, 64,000 draws: 1,032 each on average; a modulo without drawing again would give the first eight 1,250.
TEST(RandomPassword, PrefersNoCharacter) {
    std::map<char, int> counts;
    for (int i = 0; i < 320; ++i)
        for (char c : std::string(random_password(200).reveal()))
            ++counts[c];
    EXPECT_EQ(counts.size(), 62u);
    for (auto [character, count] : counts)
        EXPECT_NEAR(count, 1032, 200) << character; // more than six standard deviations
}

TEST(NewScramVerifier, HasASaltOfItsOwn) {
    auto a = new_scram_verifier("pencil", 2), b = new_scram_verifier("pencil", 2);
    EXPECT_EQ(a.salt.size(), 16u);
    EXPECT_NE(a.salt, b.salt);
    EXPECT_EQ(a.iterations, 2u);
    EXPECT_EQ(scram_verifier("pencil", a.salt, 2).text(), a.text());
}

} // namespace
} // namespace rekey::protocol::auth
