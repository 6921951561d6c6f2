// The Secrets Manager source: what it reads, what it does when it cannot, and as whom it asks.
#include "tests/unit/rotation/source_secrets_manager_fixture.hpp"

namespace rekey::rotation::secrets_manager_test {
namespace {

TEST_F(SecretsManager, ReadsTheCurrentVersion) {
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_THAT(result.credential->version, MatchesRegex("v1-[0-9a-f]+"));
    EXPECT_THAT(server_.requests().at(0).header("authorization"),
                StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270115/us-east-1/secretsmanager/aws4_request, "));
    EXPECT_EQ(source().type(), "aws_secrets_manager");
    EXPECT_EQ(source().rotates(), Rotates::in_time);
    EXPECT_TRUE(source().keeps_others());
}

TEST_F(SecretsManager, ReadsWhatRdsWrites) {
    set("AWSCURRENT", 200,
        value("v2", R"({"engine":"x","host":"db","port":"5432","username":"app","password":"a\"b","dbname":"d"})"));
    EXPECT_EQ(fetch().credential->password.reveal(), "a\"b");
    // A master secret that RDS manages names no host.
    set("AWSCURRENT", 200, value("v3", R"({"username":"master","password":"p"})"));
    EXPECT_EQ(fetch().credential->username, "master");
}

TEST_F(SecretsManager, ReadsOtherNamesAndABarePassword) {
    aws_.username_field = "login";
    aws_.password_field = "pw";
    aws_.user = "fallback";
    set("AWSCURRENT", 200, value("v1", R"({"login":"a","pw":"b"})"));
    EXPECT_EQ(fetch().credential->username, "a");
    set("AWSCURRENT", 200, value("v2", R"({"pw":"b"})"));
    EXPECT_EQ(fetch().credential->username, "fallback");
    set("AWSCURRENT", 200, value("v3", "s3cret only"));
    auto bare = fetch();
    ASSERT_TRUE(bare.credential) << bare.error;
    EXPECT_EQ(bare.credential->username, "fallback");
    EXPECT_EQ(bare.credential->password.reveal(), "s3cret only");
    set("AWSCURRENT", 200, R"({"VersionId":"v4","SecretBinary":"czNjcmV0"})");
    EXPECT_EQ(fetch().credential->password.reveal(), "s3cret");
}

TEST_F(SecretsManager, TellsWhatIsWrongWithASecret) {
    set("AWSCURRENT", 200, value("v1", "s3cret only"));
    EXPECT_EQ(fetch().error,
              "aws_secrets_manager: db1: it holds no JSON object; if it is a password, `user` says whose");
    set("AWSCURRENT", 200, value("v1", R"({"username":"app"})"));
    EXPECT_THAT(fetch().error, HasSubstr("\"password\" is missing, empty or no text"));
    set("AWSCURRENT", 200, R"({"VersionId":"v1"})");
    EXPECT_THAT(fetch().error, HasSubstr("neither SecretString nor SecretBinary"));
    set("AWSCURRENT", 200, R"({"VersionId":"v1\n","SecretString":"{}"})");
    EXPECT_THAT(fetch().error, HasSubstr("holds no VersionId"));
    set("AWSCURRENT", 200, "<html>");
    EXPECT_THAT(fetch().error, HasSubstr("no JSON object"));
}

TEST_F(SecretsManager, NamesStoreSecretStatusAndReason) {
    set_error(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    EXPECT_THAT(fetch().error,
                StartsWith("aws_secrets_manager: db1: POST " + server_.url() +
                           "/: status 400 ResourceNotFoundException: there is no such secret, or no version with this "
                           "stage"));
    set("AWSCURRENT", 403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>");
    EXPECT_THAT(fetch().error, HasSubstr("status 403 SignatureDoesNotMatch: the secret access key is wrong"));
    EXPECT_EQ(asked(), 2u) << "neither passes by itself";
}

TEST_F(SecretsManager, TriesAgainWhenItIsThrottled) {
    set_error(400, "ThrottlingException");
    EXPECT_THAT(fetch().error, HasSubstr("status 400 ThrottlingException: the rate limit is exceeded"));
    EXPECT_EQ(asked(), 3u);
}

TEST_F(SecretsManager, SparesAStoreThatFails) {
    set("AWSCURRENT", 503, "");
    for (int i = 0; i < 4; ++i)
        EXPECT_THAT(fetch().error, HasSubstr("status 503: it has failed"));
    auto before = asked();
    EXPECT_THAT(fetch().error, HasSubstr("status 503: it has failed"));
    EXPECT_EQ(asked(), before);
    EXPECT_TRUE(source().breaker_open());
    set("AWSCURRENT", 200, value("v1", pair("app", "p")));
    environment_.advance(1min);
    EXPECT_TRUE(fetch().credential);
    EXPECT_FALSE(source().breaker_open());
}

TEST_F(SecretsManager, FollowsTheClockOfTheStoreOnce) {
    set("AWSCURRENT", 400, R"({"__type":"InvalidSignatureException","message":"Signature expired: too old"})",
        "Date: Tue, 10 Jan 2040 00:00:00 GMT\r\n");
    EXPECT_THAT(fetch().error, HasSubstr("the clocks differ"));
    ASSERT_EQ(asked(), 2u);
    EXPECT_THAT(server_.requests().at(1).header("x-amz-date"), StartsWith("20400110T0000"));
    set("AWSCURRENT", 200, value("v1", pair("app", "p")));
    EXPECT_TRUE(fetch().credential);
    EXPECT_THAT(server_.requests().at(2).header("x-amz-date"), StartsWith("20400110T0000")) << "it is remembered";
}

TEST_F(SecretsManager, RenewsKeysWhoseSessionIsOver) {
    places_.variables.erase("AWS_ACCESS_KEY_ID");
    places_.use_container();
    places_.container_keys = tests::keys_json("ONE", "2040-01-01T00:00:00Z");
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(server_.requests().at(0).header("x-amz-security-token"), "t0ken-of-ONE");
    places_.set([this] { places_.container_keys = tests::keys_json("TWO", "2040-01-01T00:00:00Z"); });
    set_error(400, "ExpiredTokenException");
    EXPECT_THAT(fetch().error, HasSubstr("the session has expired"));
    ASSERT_EQ(asked(), 3u);
    EXPECT_EQ(server_.requests().at(2).header("x-amz-security-token"), "t0ken-of-TWO");
}

TEST_F(SecretsManager, AsksOnceMoreOnlyWithOtherKeys) {
    set_error(400, "UnrecognizedClientException");
    EXPECT_THAT(fetch().error, HasSubstr("the access key is not known"));
    EXPECT_EQ(asked(), 1u);
}

TEST_F(SecretsManager, SaysThatItHasNoKeys) {
    places_.variables.erase("AWS_ACCESS_KEY_ID");
    EXPECT_EQ(fetch().error, "aws_secrets_manager: db1: aws: there are no credentials: neither environment, profile, "
                             "container nor instance has some");
    EXPECT_EQ(asked(), 0u);
}

TEST_F(SecretsManager, TakesItsRegionFromTheVariablesOfTheProcess) {
    aws_.region.clear();
    places_.variables["AWS_DEFAULT_REGION"] = "ap-south-1";
    EXPECT_TRUE(fetch().credential);
    EXPECT_THAT(server_.requests().at(0).header("authorization"), HasSubstr("/ap-south-1/secretsmanager/"));
}

TEST_F(SecretsManager, SaysThatNoRegionIsKnown) {
    aws_.region.clear();
    EXPECT_THAT(fetch().error, HasSubstr("no region is known"));
}

TEST_F(SecretsManager, CallsNobodyBackAfterItsEnd) {
    bool called = false;
    source().fetch([&](FetchResult) { called = true; });
    source_.reset();
    environment_.run_ready();
    EXPECT_FALSE(called);
}

TEST(SecretValue, IsAskedForByItsStage) {
    EXPECT_EQ(secret_value_request("a\"b", "AWSCURRENT"), R"({"SecretId":"a\"b","VersionStage":"AWSCURRENT"})");
}

} // namespace
} // namespace rekey::rotation::secrets_manager_test
