#include "protocol/common/login_text.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol {
namespace {

using namespace std::string_view_literals;

Secret secret(std::string text) { return Secret::take(text); }

TEST(LoginText, ASecretThatAServerRepeatsIsNotLogged) {
    auto password = secret("s3cr et");
    EXPECT_EQ(reason_without(&password, "denied for s3cr et"), "the server's error repeats the password");
    EXPECT_EQ(reason_without(&password, "denied for s3cr\tet"), "the server's error repeats the password");
    EXPECT_EQ(reason_without(&password, "denied"), "denied");
    EXPECT_EQ(reason_without(nullptr, "denied"), "denied");
}

TEST(LoginText, AReasonIsPrintableAndShort) {
    EXPECT_EQ(printable_reason("a\nb\x7f" "c"), "a b c");
    EXPECT_EQ(printable_reason(std::string(1000, 'x')).size(), 300U);
}

TEST(LoginText, WhatNoMessageCanCarryIsNamed) {
    auto password = secret(std::string("a\0b", 3));
    EXPECT_EQ(unsendable_login("", "db", nullptr), "the credential has no user name");
    EXPECT_EQ(unsendable_login("u", "d\0b"sv, nullptr), "the database name holds a NUL byte");
    EXPECT_EQ(unsendable_login("u", "db", &password), "the user name or the password holds a NUL byte");
    EXPECT_EQ(unsendable_login("u", "", nullptr), "");
}

} // namespace
} // namespace rekey::protocol
