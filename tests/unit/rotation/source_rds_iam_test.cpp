// Logins by tokens: what is handed out instead of a password.
#include "rotation/sources/sources.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/unit/rotation/aws_places.hpp"

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class RdsIam : public ::testing::Test {
  protected:
    FetchResult fetch() {
        if (!source_) {
            config::Source configured;
            configured.type = config::SourceType::rds_iam;
            auto aws = std::make_shared<config::Aws>();
            aws->user = "app";
            configured.aws = std::move(aws);
            source_ = make_rds_iam_source(configured, environment_, places_.environment(), {1ms, 1ms});
        }
        FetchResult result;
        source_->fetch([&](FetchResult fetched) { result = std::move(fetched); });
        environment_.run_ready();
        EXPECT_NE(result.credential.has_value(), !result.error.empty());
        return result;
    }
    std::string token(const FetchResult& result, const std::string& host = "db.x.us-east-1.rds.amazonaws.com") {
        return std::string(result.credential->tokens->make(host, 5432, environment_.wall_now()).reveal());
    }

    tests::ManualEnvironment environment_;
    tests::AwsPlaces places_;
    std::unique_ptr<Source> source_;
};

TEST_F(RdsIam, HandsOutTokensInsteadOfAPassword) {
    places_.variables["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
    places_.variables["AWS_SECRET_ACCESS_KEY"] = "s3cret-key";
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(source_->type(), "rds_iam");
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_TRUE(result.credential->password.empty());
    EXPECT_FALSE(result.credential->not_after);
    EXPECT_THAT(token(result), StartsWith("db.x.us-east-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app&"));
    EXPECT_THAT(token(result), HasSubstr("X-Amz-Credential=AKIDEXAMPLE%2F20270115%2Fus-east-1%2Frds-db%2F"));
    EXPECT_EQ(fetch().credential->version, result.credential->version);
}

TEST_F(RdsIam, RenewsWhatSignsWithoutAnotherVersion) {
    places_.use_container();
    places_.container_keys = tests::keys_json("ONE", "2027-01-15T09:00:00Z"); // an hour from the clock of the test
    auto first = fetch();
    ASSERT_TRUE(first.credential) << first.error;
    EXPECT_EQ(first.credential->look_again, 45min);
    EXPECT_THAT(token(first), HasSubstr("X-Amz-Credential=ONE%2F"));
    places_.set([this] { places_.container_keys = tests::keys_json("TWO", "2027-01-15T10:00:00Z"); });
    environment_.advance(45min);
    auto second = fetch();
    EXPECT_EQ(second.credential->version, first.credential->version);
    EXPECT_THAT(token(first), HasSubstr("X-Amz-Credential=TWO%2F")) << "what was handed out signs with the new keys";
}

TEST_F(RdsIam, TakesTheRegionOfTheProcessForHostsThatNameNone) {
    places_.variables["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
    places_.variables["AWS_SECRET_ACCESS_KEY"] = "s3cret-key";
    places_.variables["AWS_REGION"] = "eu-west-1";
    auto result = fetch();
    EXPECT_THAT(token(result, "127.0.0.1"), HasSubstr("%2Feu-west-1%2Frds-db%2F"));
    EXPECT_THAT(token(result), HasSubstr("%2Fus-east-1%2Frds-db%2F"));
}

TEST_F(RdsIam, SaysThatNobodySigns) {
    EXPECT_THAT(fetch().error, StartsWith("rds_iam: aws: there are no credentials"));
}

} // namespace
} // namespace rekey::rotation
