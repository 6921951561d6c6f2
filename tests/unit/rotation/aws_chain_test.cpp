// Where keys come from, and in which order.
#include "tests/unit/rotation/aws_places.hpp"

#include <sys/stat.h>

namespace rekey::rotation::aws {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const auto now = std::chrono::sys_days(std::chrono::year(2029) / 12 / 31) + 12h;

class AwsChain : public ::testing::Test {
  protected:
    Chain& chain() {
        if (!chain_) {
            ChainOptions options;
            options.profile = profile_;
            options.caller.unit = 1ms;
            options.metadata.pause = 1ms;
            options.metadata.timeout = 10s;
            chain_ = std::make_unique<Chain>(Variables(places_.environment()), std::move(options));
        }
        return *chain_;
    }
    // The id of the keys, or what went wrong.
    std::string found(std::chrono::system_clock::time_point when = now) {
        auto result = chain().keys(when);
        EXPECT_NE(result.keys != nullptr, !result.error.empty());
        for (const char* secret : {"s3cret", "t0ken", "right"})
            EXPECT_THAT(result.error, Not(HasSubstr(secret)));
        return result.keys ? result.keys->id : result.error;
    }
    void use_environment() {
        places_.variables["AWS_ACCESS_KEY_ID"] = "ENVIRONMENT";
        places_.variables["AWS_SECRET_ACCESS_KEY"] = "s3cret-key";
    }
    std::size_t count(const char* method, const char* target) { return places_.server.count(method, target); }

    tests::AwsPlaces places_;
    std::string profile_;
    std::unique_ptr<Chain> chain_;
};

TEST_F(AwsChain, BeginsWithTheEnvironment) {
    use_environment();
    places_.variables["AWS_SECURITY_TOKEN"] = "t0ken-old";
    places_.use_instance();
    EXPECT_EQ(found(), "ENVIRONMENT");
    EXPECT_EQ(chain().keys(now).keys->session.reveal(), "t0ken-old");
    EXPECT_TRUE(places_.server.requests().empty());
}

TEST_F(AwsChain, SaysThatHalfOfAKeyIsMissing) {
    places_.variables["AWS_ACCESS_KEY_ID"] = "A";
    EXPECT_EQ(found(), "aws: AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
}

TEST_F(AwsChain, TakesAConfiguredProfileBeforeTheEnvironment) {
    use_environment();
    ::mkdir((places_.directory / ".aws").c_str(), 0700);
    places_.write(".aws/credentials", "[orders]\naws_access_key_id=PROFILE\naws_secret_access_key=s3cret-key\n");
    profile_ = "orders";
    EXPECT_EQ(found(), "PROFILE");
}

TEST_F(AwsChain, ReadsTheSharedFilesEveryTime) {
    auto file = places_.write("keys", "[default]\naws_access_key_id=ONE\naws_secret_access_key=s3cret-key\n");
    places_.variables["AWS_SHARED_CREDENTIALS_FILE"] = file;
    EXPECT_EQ(found(), "ONE");
    places_.write("keys", "[default]\naws_access_key_id=TWO\naws_secret_access_key=s3cret-key\n");
    EXPECT_EQ(found(), "TWO");
}

TEST_F(AwsChain, NamesAProfileThatIsNotThere) {
    places_.variables["AWS_PROFILE"] = "orders";
    EXPECT_EQ(found(), "aws: there is no profile \"orders\" in the shared files");
}

TEST_F(AwsChain, RunsTheProgramOfAProfile) {
    auto program = places_.write("program", "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"PROCESS-'$1'\","
                                            "\"SecretAccessKey\":\"s3cret-key\"}'\n");
    ::chmod(program.c_str(), 0700);
    places_.variables["PATH"] = "/usr/bin:/bin";
    places_.variables["AWS_CONFIG_FILE"] =
        places_.write("config", "[default]\ncredential_process = \"" + program + "\" 'a b'\n");
    EXPECT_EQ(found(), "PROCESS-a b");
    places_.write("program", "#!/bin/sh\nexit 3\n");
    EXPECT_THAT(found(), HasSubstr("status 3"));
}

TEST_F(AwsChain, TakesARoleWithTheKeysOfAnotherProfile) {
    places_.use_sts();
    places_.variables["AWS_CONFIG_FILE"] = places_.write(
        "config", "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = base\nexternal_id = e=1\n"
                  "duration_seconds = 900\nrole_session_name = me\nregion = eu-west-1\n"
                  "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s3cret-key\n");
    EXPECT_EQ(found(), "ROLE");
    auto seen = places_.last();
    EXPECT_EQ(seen.body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&"
                         "RoleSessionName=me&DurationSeconds=900&ExternalId=e%3D1");
    EXPECT_THAT(seen.header("authorization"), HasSubstr("Credential=BASE/20291231/eu-west-1/sts/aws4_request"));
    found();
    EXPECT_EQ(count("POST", "/"), 1u) << "kept until a quarter of an hour before their end";
    EXPECT_EQ(chain().region(), "eu-west-1");
}

TEST_F(AwsChain, TakesARoleWithTheKeysOfTheContainer) {
    places_.use_sts();
    places_.use_container();
    places_.variables["AWS_CONFIG_FILE"] =
        places_.write("config", "[default]\nrole_arn = arn\ncredential_source = EcsContainer\n");
    EXPECT_EQ(found(), "ROLE");
    EXPECT_THAT(places_.last().header("authorization"), HasSubstr("Credential=CONTAINER/"));
    EXPECT_EQ(places_.last().header("x-amz-security-token"), "t0ken-of-CONTAINER");
}

TEST_F(AwsChain, RefusesProfilesThatLeadInACircle) {
    places_.variables["AWS_CONFIG_FILE"] =
        places_.write("config", "[default]\nrole_arn = a\nsource_profile = b\n[profile b]\nrole_arn = b\n"
                                "source_profile = default\n");
    EXPECT_EQ(found(), "aws: profile default: its source_profile leads back to it");
}

TEST_F(AwsChain, ReadsTheTokenOfAWebIdentityForEveryCall) {
    use_environment();
    places_.variables.erase("AWS_ACCESS_KEY_ID");
    places_.use_sts();
    places_.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = places_.write("token", "t0ken.one\n");
    places_.variables["AWS_ROLE_ARN"] = "arn";
    EXPECT_EQ(found(), "ROLE");
    EXPECT_THAT(places_.last().body, testing::EndsWith("&WebIdentityToken=t0ken.one"));
    places_.write("token", "t0ken.two\n");
    chain().forget();
    EXPECT_EQ(found(), "ROLE");
    EXPECT_THAT(places_.last().body, testing::EndsWith("&WebIdentityToken=t0ken.two"));
}

TEST_F(AwsChain, TriesAgainWhatMayPassAtTheTokenService) {
    places_.use_sts();
    places_.sts_status = 400;
    places_.sts_error = "IDPCommunicationError";
    places_.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = places_.write("token", "t0ken");
    places_.variables["AWS_ROLE_ARN"] = "arn";
    EXPECT_THAT(found(), HasSubstr("status 400 IDPCommunicationError"));
    EXPECT_EQ(count("POST", "/"), 3u);
    places_.set([this] { places_.sts_error = "InvalidIdentityToken"; });
    EXPECT_THAT(found(), HasSubstr("the web identity's token is not accepted"));
    EXPECT_EQ(count("POST", "/"), 4u);
}

TEST_F(AwsChain, AsksTheContainerBeforeTheInstance) {
    places_.use_container();
    places_.use_instance();
    EXPECT_EQ(found(), "CONTAINER");
    EXPECT_EQ(count("GET", "/container?id=1"), 1u);
}

TEST_F(AwsChain, ReadsTheAuthorizationFileOfTheContainerEveryTime) {
    places_.use_container();
    places_.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "wrong";
    places_.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = places_.write("token", "right\n");
    EXPECT_EQ(found(), "CONTAINER");
    places_.write("token", "t0ken-2");
    places_.set([this] { places_.container_token = "t0ken-2"; });
    chain().forget();
    EXPECT_EQ(found(), "CONTAINER");
    places_.write("token", "right\r\nX-More: 1");
    chain().forget();
    EXPECT_THAT(found(), HasSubstr("holds characters that cannot be sent"));
}

TEST_F(AwsChain, SendsTheContainersTokenToThisHostOnlyWithoutTls) {
    for (const char* address :
         {"http://example.com/", "http://169.254.170.3/", "ftp://127.0.0.1/", "http://10.0.0.1/"}) {
        places_.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = address;
        chain_.reset();
        EXPECT_THAT(found(), HasSubstr("is neither https nor of this host")) << address;
    }
}

TEST(AwsMetadata, KnowsTheAddressesOfAwsAgents) {
    for (const char* address : {"http://169.254.170.2", "http://169.254.170.23", "http://[fd00:ec2::23]",
                                "http://127.0.0.1:8080", "http://[::1]", "https://example.com"})
        EXPECT_TRUE(may_be_asked(*config::parse_http_url(address))) << address;
    for (const char* address : {"http://169.254.169.254", "http://169.254.170.230", "http://example.com"})
        EXPECT_FALSE(may_be_asked(*config::parse_http_url(address))) << address;
}

TEST_F(AwsChain, AsksTheInstanceWithASessionToken) {
    places_.use_instance();
    EXPECT_EQ(found(), "INSTANCE");
    EXPECT_EQ(chain().region(), "eu-central-1");
    EXPECT_EQ(count("PUT", "/latest/api/token"), 1u);
}

TEST_F(AwsChain, RenewsASessionTokenThatTheInstanceNoLongerKnows) {
    places_.use_instance();
    EXPECT_EQ(found(), "INSTANCE");
    places_.set([this] { places_.session = "session-2"; });
    chain().forget();
    EXPECT_EQ(found(), "INSTANCE");
    EXPECT_EQ(count("PUT", "/latest/api/token"), 2u);
}

TEST_F(AwsChain, AsksAnOldInstanceWithoutATokenUnlessThatIsForbidden) {
    places_.use_instance();
    places_.token_status = 404;
    EXPECT_EQ(found(), "INSTANCE");
    places_.variables["AWS_EC2_METADATA_V1_DISABLED"] = "true";
    chain_.reset();
    EXPECT_THAT(found(), HasSubstr("/latest/api/token: status 404"));
}

TEST_F(AwsChain, TakesABadRequestOfTheInstanceAsAnError) {
    places_.use_instance();
    places_.token_status = 400;
    EXPECT_THAT(found(), HasSubstr("/latest/api/token: status 400"));
}

TEST_F(AwsChain, SaysThatThereIsNothing) {
    EXPECT_THAT(found(), HasSubstr("there are no credentials"));
    places_.use_instance();
    places_.without_role = true;
    chain_.reset();
    EXPECT_THAT(found(), HasSubstr("there are no credentials"));
}

TEST_F(AwsChain, RenewsKeysAQuarterOfAnHourBeforeTheirEnd) {
    places_.use_container();
    places_.container_keys = tests::keys_json("ONE", "2029-12-31T13:00:00Z");
    EXPECT_EQ(found(), "ONE");
    EXPECT_EQ(chain().renew_at(), now + 45min);
    places_.set([this] { places_.container_keys = tests::keys_json("TWO"); });
    EXPECT_EQ(found(now + 44min), "ONE");
    EXPECT_EQ(found(now + 45min), "TWO");
}

TEST_F(AwsChain, UsesKeysToTheirEndWhileNoOthersCanBeHad) {
    places_.use_container();
    places_.container_keys = tests::keys_json("ONE", "2029-12-31T13:00:00Z");
    EXPECT_EQ(found(), "ONE");
    places_.set([this] { places_.container_keys = "{}"; });
    EXPECT_EQ(found(now + 50min), "ONE");
    EXPECT_EQ(chain().renew_at(), now + 51min);
    EXPECT_THAT(found(now + 61min), HasSubstr("the answer holds no access key"));
}

TEST_F(AwsChain, UsesWhatTheInstanceHandsOutEvenPastItsEnd) {
    places_.use_instance();
    places_.instance_keys = tests::keys_json("STALE", "2029-12-31T12:00:01Z");
    EXPECT_EQ(found(), "STALE");
    EXPECT_GE(*chain().renew_at(), now + 12min);
    EXPECT_LE(*chain().renew_at(), now + 20min);
    EXPECT_EQ(found(now + 11min), "STALE");
}

} // namespace
} // namespace rekey::rotation::aws
