// The Secrets Manager source: the other versions, and rotations that the store does when it is asked.
#include "tests/unit/rotation/source_secrets_manager_fixture.hpp"

namespace rekey::rotation::secrets_manager_test {
namespace {

TEST_F(SecretsManager, KnowsTheVersionThatIsAboutToBeCurrentAndTheOneBefore) {
    EXPECT_THAT(others(), IsEmpty());
    set("AWSPENDING", 200, value("v2", pair("app", "new")));
    set("AWSPREVIOUS", 200, value("v0", pair("app", "old")));
    auto found = others();
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].password.reveal(), "new");
    EXPECT_THAT(found[0].version, StartsWith("v2-"));
    EXPECT_TRUE(found[0].coming);
    EXPECT_EQ(found[1].password.reveal(), "old");
    EXPECT_FALSE(found[1].coming);
    set("AWSCURRENT", 200, value("v2", pair("app", "new")));
    EXPECT_EQ(fetch().credential->version, found[0].version) << "it is the same version by then";
}

TEST_F(SecretsManager, StartsARotationAndKnowsWhenItIsOver) {
    EXPECT_FALSE(fetch().credential->rotating);
    set_rotation(200, R"({"ARN":"arn","Name":"db1","VersionId":"v2"})");
    EXPECT_EQ(rotate(), "");
    EXPECT_THAT(server_.requests().back().body,
                MatchesRegex(R"(\{"SecretId":"db1","ClientRequestToken":"[0-9a-f]{32}"\})"));
    EXPECT_TRUE(fetch().credential->rotating) << "what is current is what was";
    set("AWSPENDING", 200, value("v2", pair("app", "new")));
    EXPECT_FALSE(others().at(0).rotating) << "this is what it brings";
    EXPECT_TRUE(fetch().credential->rotating);
    set("AWSCURRENT", 200, value("v2", pair("app", "new")));
    EXPECT_FALSE(fetch().credential->rotating);
    set("AWSCURRENT", 200, value("v3", pair("app", "newer")));
    EXPECT_FALSE(fetch().credential->rotating) << "it is over";
}

TEST_F(SecretsManager, AwaitsTheTokenOfARotationThatNamesNoVersion) {
    set_rotation(200, "{}");
    EXPECT_EQ(rotate(), "");
    EXPECT_TRUE(fetch().credential->rotating);
    auto body = server_.requests().at(0).body;
    auto token = body.substr(body.size() - 34, 32);
    set("AWSCURRENT", 200, value(token, pair("app", "new")));
    EXPECT_FALSE(fetch().credential->rotating);
}

TEST_F(SecretsManager, SendsOneRotationAgainAsTheSame) {
    set_rotation(503, "");
    EXPECT_THAT(rotate(), HasSubstr("status 503: it has failed"));
    ASSERT_EQ(asked(), 3u);
    auto first = server_.requests().at(0).body;
    EXPECT_EQ(server_.requests().at(2).body, first);
    rotate();
    EXPECT_NE(server_.requests().back().body, first);
    EXPECT_FALSE(fetch().credential->rotating);
}

TEST_F(SecretsManager, TellsWhyTheStoreDoesNotRotate) {
    set_rotation(400, R"({"__type":"InvalidRequestException","Message":"No Lambda rotation function ARN"})");
    EXPECT_THAT(rotate(), HasSubstr("status 400 InvalidRequestException: the state of the secret does not allow it "
                                    "(No Lambda rotation function ARN)"));
}

} // namespace
} // namespace rekey::rotation::secrets_manager_test
