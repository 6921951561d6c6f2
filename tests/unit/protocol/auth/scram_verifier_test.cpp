#include "protocol/auth/base64.hpp"
#include "protocol/auth/scram.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::auth {
namespace {

constexpr std::string_view pencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
    ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(ScramVerifier, IsWhatPostgreSqlStores) {
    auto salt = base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==");
    ASSERT_TRUE(salt);
    EXPECT_EQ(scram_verifier("pencil", *salt, 4096).text(), pencil);
    EXPECT_EQ(scram_verifier(scram_keys("pencil", *salt, 4096), *salt, 4096).text(), pencil);
}

TEST(ScramVerifier, ReadsWhatItWrites) {
    auto verifier = ScramVerifier::parse(pencil);
    ASSERT_TRUE(verifier);
    EXPECT_EQ(verifier->iterations, 4096u);
    EXPECT_EQ(verifier->salt.size(), 16u);
    EXPECT_EQ(verifier->text(), pencil);
}

TEST(ScramVerifier, RefusesEveryTruncation) {
    for (std::size_t size = 0; size < pencil.size(); ++size)
        EXPECT_FALSE(ScramVerifier::parse(pencil.substr(0, size))) << size;
}

TEST(ScramVerifier, RefusesWhatIsNotOne) {
    auto with = [](std::string_view from, std::string_view to) {
        std::string text(pencil);
        return text.replace(text.find(from), from.size(), to);
    };
    EXPECT_TRUE(ScramVerifier::parse(with("4096", "1")));
    EXPECT_TRUE(ScramVerifier::parse(with("4096", "2147483647")));
    for (auto iterations :
         {"0", "", "-1", "+1", " 1", "1 ", "0x10", "2147483648", "4294967297", "99999999999999999999"})
        EXPECT_FALSE(ScramVerifier::parse(with("4096", iterations))) << iterations;
    EXPECT_FALSE(ScramVerifier::parse(with("SCRAM-SHA-256", "SCRAM-SHA-1")));
    EXPECT_FALSE(ScramVerifier::parse(with("SCRAM-SHA-256", "scram-sha-256")));
    EXPECT_FALSE(ScramVerifier::parse(with("W22ZaJ0SNY7soEsUEjb6gQ==", "")));
    EXPECT_FALSE(ScramVerifier::parse(with("W22Z", "W2:Z")));
    EXPECT_FALSE(ScramVerifier::parse(with("WG5d8oPm", "")));
    EXPECT_FALSE(ScramVerifier::parse(std::string(pencil) + "="));
    EXPECT_FALSE(ScramVerifier::parse(std::string(pencil) + "\n"));
    EXPECT_FALSE(ScramVerifier::parse("md5" + std::string(32, '0')));
}

TEST(ScramVerifier, UsesPasswordsThatCannotBePreparedAsTheyAre) {
    std::string salt(16, 's');
    EXPECT_NE(scram_verifier("\xff", salt, 1).text(), scram_verifier("\xfe", salt, 1).text());
    EXPECT_EQ(scram_verifier("I\u00adX", salt, 1).text(), scram_verifier("IX", salt, 1).text());
    EXPECT_EQ(scram_verifier("e\u0301", salt, 1).text(), scram_verifier("\u00e9", salt, 1).text());
}

TEST(MockScramVerifier, IsTheSameForOneUserAndDiffersForOthers) {
    std::string secret(32, 'k'), other(32, 'l');
    auto verifier = mock_scram_verifier("ghost", secret, 4096);
    EXPECT_EQ(verifier.salt.size(), 16u);
    EXPECT_EQ(verifier.salt, std::string(view(sha256({"ghost", secret})).substr(0, 16)));
    EXPECT_EQ(verifier.text(), mock_scram_verifier("ghost", secret, 4096).text());
    EXPECT_NE(verifier.salt, mock_scram_verifier("ghosts", secret, 4096).salt);
    EXPECT_NE(verifier.salt, mock_scram_verifier("ghost", other, 4096).salt);
    EXPECT_EQ(mock_scram_verifier("ghost", secret, 10000).iterations, 10000u);
}

TEST(ScramVerifierDeathTest, NeedsAnIteration) {
    EXPECT_DEATH(scram_keys("x", "salt", 0), "invariant broken");
}

} // namespace
} // namespace rekey::protocol::auth
