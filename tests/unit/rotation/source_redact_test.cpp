#include "rotation/sources/redact.hpp"

#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

TEST(Redact, LeavesAnOrdinaryMessage) {
    EXPECT_EQ(redact("connection to vault:8200 refused, tried 3 times\n", ""),
              "connection to vault:8200 refused, tried 3 times");
}

TEST(Redact, HidesTheRestOfALineThatSpeaksOfASecret) {
    EXPECT_EQ(redact("bad PASSWORD=hunter2 for you\nsecond line", ""), "bad PASSWORD [hidden] second line");
    EXPECT_EQ(redact("password is a, b; c\n", ""), "password [hidden]");
    EXPECT_EQ(redact("{\"SecretAccessKey\":\"x\"}", ""), "{\"SecretAccessKey [hidden]");
    EXPECT_EQ(redact("Authorization: Basic dTpw", ""), "Authorization [hidden]");
}

TEST(Redact, HidesLongRuns) {
    EXPECT_EQ(redact("got 0123456789abcdef here", ""), "got [hidden] here");
    EXPECT_EQ(redact("got 0123456789abcde here", ""), "got 0123456789abcde here");
}

TEST(Redact, HidesWhatTheOutputHolds) {
    EXPECT_EQ(redact("cannot use hunter2 here", "{\"password\":\"hunter2\"}"), "cannot use [hidden] here");
    EXPECT_EQ(redact("a b", "a b"), "a b");
}

TEST(Redact, HidesTheUserPartOfAnAddress) {
    EXPECT_EQ(redact("postgres://u:hunter2@db/x", ""), "postgres://u:[hidden]");
}

TEST(Redact, FitsOnOneShortLine) {
    auto text = redact(std::string(5000, 'a') + " " + std::string(5000, '\n'), "");
    EXPECT_EQ(text, "[hidden]");
    std::string words;
    for (int i = 0; i < 1000; ++i)
        words += "word\x1b[2J\n";
    text = redact(words, "");
    EXPECT_LT(text.size(), 450u);
    EXPECT_TRUE(text.ends_with(" …"));
    for (unsigned char byte : text)
        EXPECT_GE(byte, 0x20);
}

TEST(Redact, TakesNothing) {
    EXPECT_EQ(redact("", ""), "");
}

} // namespace
} // namespace rekey::rotation
