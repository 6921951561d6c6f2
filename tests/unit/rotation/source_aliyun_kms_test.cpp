// The source of Alibaba Cloud's KMS against a gateway that checks signatures and answers as the real one does.
#include "rotation/sources/sources.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/unit/rotation/kms_places.hpp"

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using tests::account;
using tests::secret_answer;

const std::string current = "GetSecretValue ACSCurrent", previous = "GetSecretValue ACSPrevious";

class AliyunKms : public ::testing::Test {
  protected:
    AliyunKms() {
        kms_.secret = "db1";
        kms_.metadata = places_.server.url();
        kms_.endpoint = places_.server.url();
        kms_.username_field = "username";
        kms_.password_field = "password";
        kms_.access_key.id = "AKID";
        kms_.access_key.secret.value = protocol::Secret("s3cret-key");
        places_.set(current, 200, secret_answer("v1", "Rds", account("app", "s3cret-Passw0rd")));
    }

    // The source is made with the first call.
    Source& source() {
        if (!source_) {
            config::Source configured;
            configured.type = config::SourceType::aliyun_kms;
            configured.timeout = timeout_;
            configured.kms = std::make_shared<config::AliyunKms>(std::move(kms_));
            source_ = make_aliyun_kms_source(configured, environment_, protocol::Secret("key"), places_.environment(),
                                             {1ms, 1000ms});
        }
        return *source_;
    }
    FetchResult fetch() {
        FetchResult result;
        bool done = false;
        source().fetch([&](FetchResult fetched) {
            result = std::move(fetched);
            done = true;
        });
        environment_.run_ready();
        EXPECT_TRUE(done);
        EXPECT_NE(result.credential.has_value(), !result.error.empty());
        for (const char* secret : {"s3cret", "t0ken"})
            EXPECT_THAT(result.error, Not(HasSubstr(secret)));
        return result;
    }
    std::string rotate() {
        std::string error = "was not answered";
        source().rotate([&](std::string reply) { error = std::move(reply); });
        environment_.run_ready();
        return error;
    }
    void use_instance() {
        kms_.access_key.id.clear();
        places_.change([&] {
            places_.keys["STS.ROLE"] = "s3cret-key";
            places_.sessions["STS.ROLE"] = "t0ken-STS.ROLE";
        });
    }

    config::AliyunKms kms_;
    std::chrono::milliseconds timeout_{20'000};
    tests::ManualEnvironment environment_;
    tests::KmsPlaces places_;
    std::unique_ptr<Source> source_;
};

TEST_F(AliyunKms, ReadsTheAccountOfAManagedSecret) {
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_THAT(result.credential->version, MatchesRegex("v1-[0-9a-f]+"));
    EXPECT_FALSE(result.credential->look_again);
    EXPECT_EQ(source().type(), "aliyun_kms");
    EXPECT_EQ(places_.last_form().at("SecretName"), "db1");
}

TEST_F(AliyunKms, IsAskedWithTheOlderSignatureToo) {
    kms_.signature = config::AliyunSignature::rpc;
    kms_.access_key.token.value = protocol::Secret("t0ken");
    places_.change([&] { places_.sessions["AKID"] = "t0ken"; });
    EXPECT_TRUE(fetch().credential);
    EXPECT_THAT(places_.asked(), ElementsAre(current));
}

TEST_F(AliyunKms, FollowsAnAccountThatTakesTurns) {
    fetch();
    places_.set(current, 200, secret_answer("v2", "Rds", account("app_clone", "other")));
    auto result = fetch();
    EXPECT_EQ(result.credential->username, "app_clone");
    places_.set(previous, 200, secret_answer("v1", "Rds", account("app", "before")));
    std::vector<Fetched> others;
    source().fetch_others([&](std::vector<Fetched> fetched) { others = std::move(fetched); });
    environment_.run_ready();
    ASSERT_THAT(others, SizeIs(1));
    EXPECT_EQ(others[0].username, "app");
    EXPECT_TRUE(source().keeps_others());
}

TEST_F(AliyunKms, ReadsWhatPeopleWrite) {
    kms_.user = "fallback";
    places_.set(current, 200, secret_answer("v1", "Generic", R"({"username":"a","password":"b\"c"})"));
    EXPECT_EQ(fetch().credential->password.reveal(), "b\"c");
    places_.set(current, 200, secret_answer("v2", "Generic", R"({"password":"b"})"));
    EXPECT_EQ(fetch().credential->username, "fallback");
    places_.set(current, 200, secret_answer("v3", "Generic", "s3cret only"));
    EXPECT_EQ(fetch().credential->password.reveal(), "s3cret only");
    places_.set(current, 200,
                R"({"VersionId":"v4","SecretType":"Generic","SecretDataType":"binary","SecretData":"czNjcmV0"})");
    EXPECT_EQ(fetch().credential->password.reveal(), "s3cret");
}

TEST_F(AliyunKms, SaysWhatIsWrongWithASecret) {
    auto error_of = [&](const std::string& body) {
        places_.set(current, 200, body);
        return fetch().error;
    };
    EXPECT_EQ(error_of(secret_answer("v1", "Generic", "s3cret only")),
              "aliyun_kms: db1: it holds no JSON object; if it is a password, `user` says whose");
    EXPECT_EQ(error_of(secret_answer("v1", "Rds", R"({"AccountName":"a"})")),
              "aliyun_kms: db1: \"AccountPassword\" is missing, empty or no text in what it holds");
    EXPECT_EQ(error_of(secret_answer("v1", "ECS", account("a", "s3cret"))),
              "aliyun_kms: db1: a secret of type ECS is not for a database");
    EXPECT_THAT(error_of("s3cret"), HasSubstr("no JSON object"));
    EXPECT_THAT(error_of(R"({"VersionId":"v1"})"), HasSubstr("no SecretData"));
    EXPECT_THAT(error_of(secret_answer("a b", "Rds", account("a", "s3cret"))), HasSubstr("VersionId is no name"));
}

TEST_F(AliyunKms, LooksAgainSoonAfterAPlannedRotation) {
    // It is 2027-01-15 08:00:00.
    places_.set(current, 200,
                secret_answer("v1", "Rds", account("a", "b"), R"(,"NextRotationDate":"2027-01-15T08:01:00Z")"));
    auto result = fetch();
    ASSERT_TRUE(result.credential && result.credential->look_again);
    EXPECT_THAT(*result.credential->look_again, AllOf(Ge(61s), Le(67001ms)));
    environment_.advance(2min);
    EXPECT_FALSE(fetch().credential->look_again) << "it is overdue: polling goes on";
}

TEST_F(AliyunKms, TriggersTheRotationOfAManagedSecretAndWaitsForItsEnd) {
    EXPECT_EQ(source().rotates(), Rotates::no) << "its type is not known yet";
    fetch();
    EXPECT_EQ(source().rotates(), Rotates::at_once);
    places_.set("RotateSecret", 200, "{}");
    places_.fail_once("RotateSecret", 503, "ServiceUnavailableTemporary");
    places_.change([&] {
        places_.rotated_data = account("app", "s3cret-new");
        places_.looks_until_rotated = 2;
    });
    EXPECT_EQ(rotate(), "");
    EXPECT_THAT(places_.asked(), ElementsAre(current, "RotateSecret", "RotateSecret", current, current, current));
    EXPECT_EQ(fetch().credential->password.reveal(), "s3cret-new");
}

TEST_F(AliyunKms, SaysWhenARotationDoesNotEnd) {
    timeout_ = 200ms;
    fetch();
    places_.set("RotateSecret", 200, "{}");
    EXPECT_EQ(rotate(), "aliyun_kms: db1: KMS has begun a rotation, and not ended it in time");
}

TEST_F(AliyunKms, SaysWhenARotationMayNotBeTriggered) {
    fetch();
    places_.set_error("RotateSecret", 403, "Forbidden.NoPermission");
    EXPECT_THAT(rotate(), HasSubstr("Forbidden.NoPermission: the identity lacks the permission"));
    EXPECT_THAT(places_.asked(), ElementsAre(current, "RotateSecret"));
}

TEST_F(AliyunKms, DoesNotTriggerWhatPeopleRotate) {
    places_.set(current, 200, secret_answer("v1", "Generic", R"({"username":"a","password":"b"})"));
    fetch();
    EXPECT_EQ(source().rotates(), Rotates::no);
}

TEST_F(AliyunKms, TriesAgainWhatMayPassWithANewNonce) {
    places_.fail_once(current, 400, "Rejected.Throttling");
    places_.fail_once(current, 500, "InternalFailure");
    EXPECT_TRUE(fetch().credential) << "a nonce that comes twice is refused";
    EXPECT_THAT(places_.asked(), SizeIs(3));
}

TEST_F(AliyunKms, SaysWhatIsRefusedAndDoesNotRepeatIt) {
    places_.set_error(current, 404, "Forbidden.ResourceNotFound", "password=s3cret");
    EXPECT_THAT(fetch().error, AllOf(HasSubstr("aliyun_kms: db1: POST http://127.0.0.1:"),
                                     HasSubstr("404 Forbidden.ResourceNotFound: there is no such secret")));
    EXPECT_THAT(places_.asked(), SizeIs(1));
}

TEST_F(AliyunKms, SaysThatKeysAreWrong) {
    kms_.access_key.secret.value = protocol::Secret("s3cret-other");
    EXPECT_THAT(fetch().error, HasSubstr("SignatureDoesNotMatch: the access key's secret is wrong"));
}

TEST_F(AliyunKms, AsksSeldomAfterFailuresInARow) {
    places_.set_error(current, 500, "InternalFailure");
    for (int i = 0; i < 4; ++i)
        fetch();
    EXPECT_TRUE(source().breaker_open());
    auto before = places_.asked().size();
    EXPECT_THAT(fetch().error, HasSubstr("InternalFailure"));
    EXPECT_EQ(places_.asked().size(), before);
    places_.set(current, 200, secret_answer("v1", "Rds", account("a", "b")));
    environment_.advance(1min);
    EXPECT_TRUE(fetch().credential);
    EXPECT_FALSE(source().breaker_open());
}

TEST_F(AliyunKms, ReadsSessionKeysFromAFileForEveryUse) {
    kms_.access_key.id.clear();
    kms_.access_key.file = places_.write("keys.json", tests::role_keys("STS.A", "2030-01-01T00:00:00Z"));
    places_.change([&] {
        places_.keys = {{"STS.A", "s3cret-key"}, {"STS.B", "s3cret-key"}};
        places_.sessions = {{"STS.A", "t0ken-STS.A"}, {"STS.B", "t0ken-STS.B"}};
    });
    EXPECT_TRUE(fetch().credential);
    places_.change([&] { places_.keys.erase("STS.A"); });
    EXPECT_THAT(fetch().error, HasSubstr("InvalidAccessKeyId.NotFound"));
    places_.write("keys.json", tests::role_keys("STS.B", "2030-01-01T00:00:00Z"));
    EXPECT_TRUE(fetch().credential);
}

TEST_F(AliyunKms, TakesTheKeysOfTheEnvironment) {
    kms_.access_key.id.clear();
    places_.variables = {{"ALIBABA_CLOUD_ACCESS_KEY_ID", "AKID"}};
    EXPECT_THAT(fetch().error, HasSubstr("ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"));
    source_.reset();
    places_.variables["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "s3cret-key";
    kms_.secret = "db1";
    kms_.endpoint = places_.server.url();
    EXPECT_TRUE(fetch().credential);
}

TEST_F(AliyunKms, TakesTheRoleOfTheInstanceAndRenewsItBeforeItEnds) {
    use_instance();
    places_.change([&] { places_.instance_keys = tests::role_keys("STS.ROLE", "2027-01-15T09:00:00Z"); });
    EXPECT_TRUE(fetch().credential);
    EXPECT_TRUE(fetch().credential);
    const std::string role = "/latest/meta-data/ram/security-credentials/the-role";
    EXPECT_EQ(places_.server.count("GET", role), 1U);
    EXPECT_EQ(places_.server.count("PUT", "/latest/api/token"), 1U);
    environment_.advance(58min);
    places_.change([&] { places_.instance_keys = tests::role_keys("STS.ROLE", "2027-01-15T10:00:00Z"); });
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(places_.server.count("GET", role), 2U) << "three minutes before their end";
}

TEST_F(AliyunKms, KeepsARolesKeysToTheirEndWhileNoOthersCanBeHad) {
    use_instance();
    places_.change([&] { places_.instance_keys = tests::role_keys("STS.ROLE", "2027-01-15T08:10:00Z"); });
    EXPECT_TRUE(fetch().credential);
    places_.change([&] { places_.instance_keys = R"({"Code":"Failed"})"; });
    environment_.advance(8min);
    EXPECT_TRUE(fetch().credential);
    environment_.advance(3min);
    EXPECT_THAT(fetch().error, HasSubstr("role the-role: it answers \"Failed\""));
}

TEST_F(AliyunKms, AsksForOtherKeysWhenASessionHasEndedEarly) {
    use_instance();
    EXPECT_TRUE(fetch().credential);
    places_.change([&] {
        places_.keys["STS.NEXT"] = "s3cret-key";
        places_.sessions = {{"STS.ROLE", "another"}, {"STS.NEXT", "t0ken-STS.NEXT"}};
        places_.instance_keys = tests::role_keys("STS.NEXT", "2030-01-01T00:00:00Z");
    });
    EXPECT_TRUE(fetch().credential);
}

TEST_F(AliyunKms, RenewsTheTokenOfTheMetadataWhenItHasDied) {
    use_instance();
    places_.change([&] { places_.instance_keys = tests::role_keys("STS.ROLE", "2027-01-15T08:01:00Z"); });
    EXPECT_TRUE(fetch().credential);
    places_.change([&] { places_.metadata_token = "session-2"; });
    EXPECT_TRUE(fetch().credential) << "keys that end soon are asked for anew";
}

TEST_F(AliyunKms, AsksMetadataWithoutATokenOnlyWhereThatIsAllowed) {
    use_instance();
    places_.change([&] { places_.metadata_token_status = 404; });
    EXPECT_TRUE(fetch().credential);
    source_.reset();
    kms_.secret = "db1";
    kms_.endpoint = kms_.metadata = places_.server.url();
    places_.variables["ALIBABA_CLOUD_IMDSV1_DISABLED"] = "true";
    EXPECT_THAT(fetch().error, HasSubstr("PUT"));
}

TEST_F(AliyunKms, SaysThatThereAreNoKeys) {
    kms_.access_key.id.clear();
    places_.variables["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true";
    EXPECT_EQ(fetch().error, "aliyun_kms: db1: there are no keys in configuration, environment and instance metadata");
    source_.reset();
    kms_.ram_role = "other-role";
    kms_.secret = "db1";
    kms_.endpoint = kms_.metadata = places_.server.url();
    EXPECT_THAT(fetch().error, HasSubstr("the instance does not have the role other-role"));
}

} // namespace
} // namespace rekey::rotation
