#include "protocol/auth/md5.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::auth {
namespace {

TEST(Md5, StoresWhatPostgreSqlStores) {
    // SELECT 'md5' || md5('secret' || 'app')
    EXPECT_EQ(md5_stored("secret", "app"), "md56a422f785c9e20873908ce25d1736ae2");
}

TEST(Md5, AnswersAChallenge) {
    auto stored = md5_stored("secret", "app");
    EXPECT_EQ(md5_response(stored, "abcd"), "md5883f61cc18cc4ae54ca301892bb10c29");
    EXPECT_NE(md5_response(stored, "abcd"), md5_response(stored, "abce"));
    EXPECT_NE(md5_response(stored, "abcd"), md5_response(md5_stored("Secret", "app"), "abcd"));
}

} // namespace
} // namespace rekey::protocol::auth
