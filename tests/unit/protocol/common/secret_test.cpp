#include "protocol/common/secret.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <type_traits>

namespace rekey::protocol {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);
static_assert(!Streamable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view> && !std::is_convertible_v<std::string, Secret>);

TEST(Secret, KeepsItsBytes) {
    Secret secret(std::string_view("a\0b", 3));
    EXPECT_EQ(secret.reveal(), std::string_view("a\0b", 3));
    EXPECT_EQ(secret.size(), 3u);
    EXPECT_FALSE(secret.empty());
}

TEST(Secret, IsEmptyByDefault) {
    Secret secret;
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(secret.reveal(), "");
    EXPECT_TRUE(Secret("").empty());
}

TEST(Secret, IsEmptyAfterBeingMovedFrom) {
    Secret a("one"), b(std::move(a)), c("two");
    EXPECT_TRUE(a.empty()); // NOLINT(bugprone-use-after-move): what is tested
    EXPECT_EQ(b.reveal(), "one");
    c = std::move(b);
    EXPECT_EQ(c.reveal(), "one");
    EXPECT_TRUE(b.empty()); // NOLINT(bugprone-use-after-move)
}

TEST(Secret, SurvivesBeingMovedToItself) {
    Secret secret("one");
    auto& same = secret;
    secret = std::move(same);
    EXPECT_EQ(secret.reveal(), "one");
}

TEST(Secret, ClonesIntoBytesOfItsOwn) {
    Secret a("one");
    auto b = a.clone();
    EXPECT_EQ(b.reveal(), "one");
    EXPECT_NE(static_cast<const void*>(a.reveal().data()), b.reveal().data());
}

TEST(Secret, TakesTheBytesOfAString) {
    std::string text = "a password that is longer than a short string";
    const char* bytes = text.data();
    auto size = text.size();
    auto secret = Secret::take(text);
    EXPECT_EQ(secret.size(), size);
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(bytes[0], 0);
}

TEST(Cleanse, OverwritesAShortStringToo) {
    std::string text = "short";
    const char* bytes = text.data();
    cleanse(text);
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(bytes[4], 0);
}

TEST(EqualInConstantTime, ComparesLengthAndBytes) {
    EXPECT_TRUE(equal_in_constant_time("", ""));
    EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
    EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
    EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
    EXPECT_FALSE(equal_in_constant_time("", "a"));
}

} // namespace
} // namespace rekey::protocol
