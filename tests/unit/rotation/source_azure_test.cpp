// Azure's Key Vault: tokens of managed identities, federated tokens and client secrets; versions.
#include "rotation/sources/azure_token.hpp"
#include "rotation/sources/cloud_answers.hpp"
#include "tests/unit/rotation/store_source_fixture.hpp"

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;
using namespace store_test;
using config::AzureIdentity;

const std::string instance =
    "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net";
const std::string secret = "/secrets/db?api-version=7.4";

class AzureSource : public StoreSource {
  protected:
    AzureSource() { azure_.secret = "db"; }

    std::unique_ptr<Source> make() override {
        config::Source configured;
        configured.type = config::SourceType::azure_key_vault;
        configured.timeout = 20'000ms;
        auto azure = std::make_shared<config::Azure>();
        azure->address = azure->authority = server_.url();
        azure->identity_endpoint = server_.url() + azure_.identity_endpoint;
        azure->identity_header = azure_.identity_header.clone();
        azure->secret = azure_.secret;
        azure->version = azure_.version;
        azure->identity = azure_.identity;
        azure->tenant = "tenant-1";
        azure->client_id = azure_.client_id;
        azure->proof = {azure_.proof.file, azure_.proof.value.clone()};
        azure->shape = azure_.shape;
        configured.azure = azure;
        return make_azure_source(configured, environment_, protocol::Secret("key"), no_variables(), at_once());
    }
    Answer answer(const SeenRequest& request) override {
        if (request.target.find("/token") != std::string::npos)
            return Answer::json(token_status_, token_);
        if (request.header("authorization") != "Bearer s3cret-token")
            return Answer::json(401, R"({"error":{"code":"Unauthorized","message":"AKV10032: Invalid issuer"}})",
                                "WWW-Authenticate: Bearer authorization=\"https://login\"\r\n");
        return Answer::json(status_, body_);
    }

    config::Azure azure_;
    int token_status_ = 200, status_ = 200;
    std::string token_ = R"({"access_token":"s3cret-token","expires_in":"3599","expires_on":"1800003599"})";
    std::string body_ = R"({"value":"{\"username\":\"app\",\"password\":\"s3cret-Passw0rd\"}",)"
                        R"("id":"https://v.vault.azure.net/secrets/db/4387e9f3d6e14c459867679a90fd0f79"})";
};

TEST_F(AzureSource, ReadsTheLatestVersionAsAVirtualMachine) {
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_THAT(result.credential->version, MatchesRegex("4387e9f3d6e14c459867679a90fd0f79-[0-9a-f]{8}"));
    EXPECT_EQ(seen(0).target, instance);
    EXPECT_EQ(seen(0).header("metadata"), "true");
    EXPECT_EQ(seen(1).target, secret);
    EXPECT_EQ(source_->type(), "azure_key_vault");
}

TEST_F(AzureSource, NamesOneIdentityAmongSeveral) {
    azure_.client_id = "client 1";
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(0).target, instance + "&client_id=client%201");
}

TEST_F(AzureSource, AsksTheEndpointOfAppService) {
    azure_.identity_endpoint = "/msi/token";
    azure_.identity_header = protocol::Secret("s3cret-header");
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(0).target, "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net");
    EXPECT_EQ(seen(0).header("x-identity-header"), "s3cret-header");
    EXPECT_EQ(seen(0).header("metadata"), "");
}

TEST_F(AzureSource, ShowsTheFederatedTokenThatIsThere) {
    azure_.identity = AzureIdentity::workload;
    azure_.client_id = "client-1";
    azure_.proof.file = directory_ / "token";
    token_ = R"({"access_token":"s3cret-token","expires_in":60})"; // so short that every look asks for another
    tests::write_text(azure_.proof.file, "s3cret.jwt.one\n");
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(0).method, "POST");
    EXPECT_EQ(seen(0).target, "/tenant-1/oauth2/v2.0/token");
    EXPECT_EQ(seen(0).body, "grant_type=client_credentials&client_id=client-1&scope=https%3A%2F%2Fvault.azure.net%2F."
                            "default&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-"
                            "bearer&client_assertion=s3cret.jwt.one");
    tests::write_text(azure_.proof.file, "s3cret.jwt.two\n");
    EXPECT_TRUE(fetch().credential);
    EXPECT_THAT(seen(2).body, HasSubstr("client_assertion=s3cret.jwt.two"));
}

TEST_F(AzureSource, ShowsAClientSecret) {
    azure_.identity = AzureIdentity::client_secret;
    azure_.client_id = "client-1";
    azure_.proof.value = protocol::Secret("s3cret&=~");
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(0).body, "grant_type=client_credentials&client_id=client-1&scope=https%3A%2F%2Fvault.azure.net%2F."
                            "default&client_secret=s3cret%26%3D~");
}

TEST_F(AzureSource, ExplainsARefusedApplication) {
    azure_.identity = AzureIdentity::client_secret;
    azure_.proof.value = protocol::Secret("s3cret");
    token_status_ = 401;
    token_ = R"({"error":"invalid_client","error_description":"AADSTS7000222: The provided keys are expired."})";
    EXPECT_EQ(fetch().error,
              "azure_key_vault: POST " + server_.url() +
                  "/tenant-1/oauth2/v2.0/token: status 401: who asks is not accepted (invalid_client: AADSTS7000222: "
                  "The provided keys are expired.)");
}

TEST_F(AzureSource, WaitsForTheMetadataOfAMachineThatHasJustStarted) {
    token_status_ = 410;
    EXPECT_THAT(fetch().error, HasSubstr("status 410"));
    EXPECT_EQ(asked(), 3u) << "three attempts";
}

TEST_F(AzureSource, AsksForAChosenVersion) {
    azure_.version = "abc123";
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(1).target, "/secrets/db/abc123?api-version=7.4");
}

TEST_F(AzureSource, ReadsABarePassword) {
    azure_.shape.user = "app";
    body_ = R"({"value":"s3cret","id":"https://v/secrets/db/1a"})";
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
}

TEST_F(AzureSource, RenewsATokenThatIsRefusedOnce) {
    token_ = R"({"access_token":"s3cret-other","expires_in":3599})";
    EXPECT_THAT(fetch().error, HasSubstr("status 401: who asks is not accepted (Unauthorized: AKV10032: Invalid"));
    EXPECT_EQ(asked(), 4u) << "a token, refused, another one, refused";
}

TEST_F(AzureSource, SaysWhatTheServiceSays) {
    status_ = 404;
    body_ = R"({"error":{"code":"SecretNotFound","message":"A secret with (name/id) db was not found."}})";
    EXPECT_EQ(fetch().error, "azure_key_vault: GET " + server_.url() +
                                 "/secrets/db: status 404: there is nothing of this name, or not yet (SecretNotFound: "
                                 "A secret [hidden])");
    set([&] {
        status_ = 200;
        body_ = R"({"id":"https://v/secrets/db/1a"})";
    });
    EXPECT_THAT(fetch().error, HasSubstr("the answer holds no \"value\", or no \"id\" with a version"));
}

TEST(AzureResource, IsThatOfTheCloud) {
    config::Azure azure;
    for (auto [address, resource] : {std::pair("https://v.vault.azure.net", "https://vault.azure.net"),
                                     std::pair("https://v.vault.azure.cn", "https://vault.azure.cn"),
                                     std::pair("https://v.vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net"),
                                     std::pair("https://vault.example.com", "https://vault.azure.net")}) {
        azure.address = address;
        EXPECT_EQ(azure_resource(azure), resource);
    }
}

TEST(AccessTokens, EndWhenTheyAreSaidTo) {
    auto now = std::chrono::system_clock::from_time_t(1000);
    auto life = [&](const std::string& rest) {
        auto token = parse_access_token(R"({"access_token":"t",)" + rest + "}", now);
        return token ? token->life.count() : -1;
    };
    EXPECT_EQ(life(R"("expires_in":60)"), 60);
    EXPECT_EQ(life(R"("expires_in":"60")"), 60);
    EXPECT_EQ(life(R"("expires_on":"1500")"), 500);
    EXPECT_EQ(life(R"("expires_on":1500,"expires_in":"60")"), 60);
    EXPECT_EQ(life(R"("expires_on":"999")"), -1);
    EXPECT_EQ(life(R"("expires_in":0)"), -1);
    EXPECT_EQ(life(R"("expires_in":"soon")"), -1);
    EXPECT_EQ(life(R"("expires_in":9223372036854775807)"), 30 * 24 * 3600);
    EXPECT_FALSE(parse_access_token(R"({"expires_in":60})", now));
    EXPECT_FALSE(parse_access_token("", now));
}

} // namespace
} // namespace rekey::rotation
