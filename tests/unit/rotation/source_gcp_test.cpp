// Google Cloud's Secret Manager: tokens of the metadata server and of service accounts, versions, checksums.
#include "protocol/auth/base64.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/gcp_api.hpp"
#include "rotation/sources/gcp_key.hpp"
#include "tests/unit/rotation/store_source_fixture.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;
using namespace store_test;
using protocol::auth::base64_encode;

const std::string metadata_token = "/computeMetadata/v1/instance/service-accounts/default/token";
const std::string access = "/v1/projects/p/secrets/db/versions/latest:access";

std::string version(const std::string& number, const std::string& secret, const std::string& sum = {}) {
    return R"({"name":"projects/123/secrets/db/versions/)" + number + R"(","payload":{"data":")" +
           base64_encode(secret) + R"(","dataCrc32c":")" + (sum.empty() ? std::to_string(crc32c(secret)) : sum) +
           "\"}}";
}

class GcpSource : public StoreSource {
  protected:
    GcpSource() {
        gcp_.secret = "db";
        gcp_.project = "p";
        gcp_.version = "latest";
    }

    std::unique_ptr<Source> make() override {
        config::Source configured;
        configured.type = config::SourceType::gcp_secret_manager;
        configured.timeout = 20'000ms;
        gcp_.endpoint = server_.url();
        gcp_.metadata_host = "127.0.0.1:" + std::to_string(server_.port());
        configured.gcp = std::make_shared<config::Gcp>(gcp_);
        return make_gcp_source(configured, environment_, protocol::Secret("key"), no_variables(), at_once());
    }
    Answer answer(const SeenRequest& request) override {
        if (request.target == metadata_token && request.header("metadata-flavor") == "Google")
            return Answer::json(token_status_, token_, flavor_);
        if (request.target == "/token")
            return Answer::json(token_status_, token_);
        if (request.header("authorization") != "Bearer " + accepted_)
            return Answer::json(401, R"({"error":{"code":401,"status":"UNAUTHENTICATED","message":"no"}})");
        return request.target == target_ ? Answer::json(status_, body_)
                                         : Answer::json(404, R"({"error":{"code":404,"status":"NOT_FOUND"}})");
    }
    void grant(const std::string& token, int seconds) {
        set([&] {
            accepted_ = token;
            token_ = R"({"access_token":")" + token + R"(","expires_in":)" + std::to_string(seconds) +
                     R"(,"token_type":"Bearer"})";
        });
    }

    config::Gcp gcp_;
    int token_status_ = 200, status_ = 200;
    std::string accepted_ = "s3cret-token", flavor_ = "Metadata-Flavor: Google\r\n", target_ = access;
    std::string token_ = R"({"access_token":"s3cret-token","expires_in":3599,"token_type":"Bearer"})";
    std::string body_ = version("7", R"({"username":"app","password":"s3cret-Passw0rd"})");
};

TEST_F(GcpSource, ReadsTheLatestVersion) {
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_THAT(result.credential->version, MatchesRegex("7-[0-9a-f]{8}"));
    EXPECT_EQ(source_->type(), "gcp_secret_manager");
}

TEST_F(GcpSource, ReadsABarePasswordWithTheNewlineOfItsFile) {
    gcp_.shape.user = "app";
    body_ = version("8", "s3cret\n");
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret");
}

TEST_F(GcpSource, RefusesAPayloadThatWasDamaged) {
    body_ = version("7", R"({"username":"app","password":"s3cret"})", "1");
    EXPECT_THAT(fetch().error, HasSubstr("does not have the checksum that the store tells"));
    set([&] { body_ = R"({"name":"projects/1/secrets/db/versions/7","payload":{"data":"!"}})"; });
    EXPECT_THAT(fetch().error, HasSubstr("the answer holds no payload"));
    set([&] { body_ = R"({"name":"x","payload":{"data":"czNjcmV0"}})"; });
    EXPECT_THAT(fetch().error, HasSubstr("the answer holds no name of a version"));
}

TEST_F(GcpSource, KeepsATokenUntilFourMinutesBeforeItsEnd) {
    fetch();
    environment_.advance(3599s - 4min - 1s);
    fetch();
    EXPECT_EQ(server_.count("GET", metadata_token), 1u);
    environment_.advance(1s);
    fetch();
    EXPECT_EQ(server_.count("GET", metadata_token), 2u);
}

TEST_F(GcpSource, UsesATokenToItsEndWhileThereIsNoNewOne) {
    fetch();
    set([&] { token_status_ = 500; });
    environment_.advance(3598s);
    EXPECT_TRUE(fetch().credential);
    environment_.advance(1s);
    EXPECT_THAT(fetch().error, HasSubstr("status 500: it has failed"));
}

TEST_F(GcpSource, RenewsATokenThatIsRefusedOnce) {
    fetch();
    grant("s3cret-new", 3599);
    EXPECT_TRUE(fetch().credential);
    set([&] { accepted_ = "another"; });
    auto before = asked();
    EXPECT_THAT(fetch().error, HasSubstr("status 401: who asks is not accepted (UNAUTHENTICATED: no)"));
    EXPECT_EQ(asked() - before, 3u) << "asked, got another token, asked";
}

TEST_F(GcpSource, BelievesNobodyElseThanGooglesMetadataServer) {
    flavor_.clear();
    EXPECT_THAT(fetch().error, HasSubstr("this is not Google's metadata server"));
    EXPECT_EQ(asked(), 1u);
}

TEST_F(GcpSource, SaysWhatTheServiceSays) {
    status_ = 403;
    body_ = R"({"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission denied on resource"}})";
    EXPECT_EQ(fetch().error, "gcp_secret_manager: GET " + server_.url() + access +
                                 ": status 403: permission denied (PERMISSION_DENIED: Permission denied on resource)");
    EXPECT_EQ(server_.count("GET", access), 1u);
    set([&] { status_ = 503; });
    EXPECT_THAT(fetch().error, HasSubstr("status 503"));
    EXPECT_EQ(server_.count("GET", access), 4u) << "three attempts";
}

TEST_F(GcpSource, AsksForAnotherVersionOfARegionalSecret) {
    gcp_.secret = "projects/p/locations/europe-west1/secrets/db";
    gcp_.version = "5";
    target_ = "/v1/projects/p/locations/europe-west1/secrets/db/versions/5:access";
    EXPECT_TRUE(fetch().credential);
}

TEST_F(GcpSource, SaysThatNoProjectIsKnown) {
    gcp_.project.clear();
    EXPECT_THAT(fetch().error, StartsWith("gcp_secret_manager: no project is known"));
    EXPECT_EQ(asked(), 0u);
}

// A key of an account, and what Google does with what is signed by it.
class ServiceAccount : public GcpSource {
  protected:
    ServiceAccount() : key_(EVP_RSA_gen(2048), EVP_PKEY_free) {
        gcp_.project.clear();
        gcp_.credentials_file = directory_ / "key.json";
        write("service_account", server_.url() + "/token");
    }
    void write(const std::string& type, const std::string& token_uri) {
        BIO* memory = BIO_new(BIO_s_mem());
        PEM_write_bio_PrivateKey(memory, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
        char* bytes = nullptr;
        auto size = BIO_get_mem_data(memory, &bytes);
        boost::json::object file{{"type", type},
                                 {"project_id", "p"},
                                 {"private_key_id", "k1"},
                                 {"client_email", "rekey@p.iam.gserviceaccount.com"},
                                 {"token_uri", token_uri}};
        file["private_key"] = boost::json::string_view(bytes, static_cast<std::size_t>(size));
        BIO_free(memory);
        tests::write_text(gcp_.credentials_file, boost::json::serialize(file));
    }
    static std::string decoded(std::string text) {
        for (auto& c : text)
            c = c == '-' ? '+' : c == '_' ? '/' : c;
        text.resize((text.size() + 3) / 4 * 4, '=');
        return protocol::auth::base64_decode(text).value_or("?");
    }
    bool is_signed(const std::string& text, const std::string& signature) const {
        std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
        return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                                signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                                text.size()) == 1;
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

TEST_F(ServiceAccount, SignsWhatGoogleTakesForAToken) {
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    auto request = seen(0);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.header("content-type"), "application/x-www-form-urlencoded");
    const std::string begin = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    ASSERT_THAT(request.body, StartsWith(begin));
    auto token = request.body.substr(begin.size());
    auto first = token.find('.'), second = token.rfind('.');
    ASSERT_LT(first, second);
    EXPECT_EQ(decoded(token.substr(0, first)), R"({"alg":"RS256","typ":"JWT","kid":"k1"})");
    EXPECT_EQ(
        decoded(token.substr(first + 1, second - first - 1)),
        R"({"iss":"rekey@p.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform","aud":")" +
            server_.url() + R"(/token","iat":1800000000,"exp":1800003600})");
    EXPECT_TRUE(is_signed(token.substr(0, second), decoded(token.substr(second + 1))));
}

TEST_F(ServiceAccount, ExplainsARefusedAssertion) {
    token_status_ = 400;
    token_ = R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})";
    EXPECT_EQ(fetch().error, "gcp_secret_manager: POST " + server_.url() +
                                 "/token: status 400: the request is refused (invalid_grant: Invalid JWT Signature.)");
}

TEST_F(ServiceAccount, NamesWhatIsWrongWithTheFile) {
    auto name = "gcp_secret_manager: " + gcp_.credentials_file + ": ";
    gcp_.project = "p";
    write("authorized_user", server_.url() + "/token");
    EXPECT_EQ(fetch().error, name + "credentials of type authorized_user are not supported: service_account is");
    write("service_account", "http://tokens.example.com/token");
    EXPECT_EQ(fetch().error, name + "\"token_uri\" is no https address");
    tests::write_text(gcp_.credentials_file, "s3cret");
    EXPECT_EQ(fetch().error, name + "it is no JSON object");
    tests::write_text(gcp_.credentials_file, R"({"type":"service_account","client_email":"a","token_uri":")" +
                                                 server_.url() + R"(","private_key":"s3cret"})");
    EXPECT_EQ(fetch().error, name + "\"private_key\" is no RSA key in PEM form without a pass phrase");
    EXPECT_EQ(asked(), 0u);
}

TEST_F(ServiceAccount, SaysThatTheFileWithTheProjectCannotBeRead) {
    std::filesystem::remove(gcp_.credentials_file);
    EXPECT_EQ(fetch().error,
              "gcp_secret_manager: cannot read " + gcp_.credentials_file + ": No such file or directory");
}

TEST(Crc32c, IsThatOfRfc3720) {
    EXPECT_EQ(crc32c(""), 0u);
    EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
}

TEST(GcpEndpoint, IsRegionalForARegionalSecret) {
    config::Gcp gcp;
    gcp.secret = "db";
    EXPECT_EQ(gcp_endpoint(gcp), "https://secretmanager.googleapis.com");
    gcp.location = "us-east1";
    EXPECT_EQ(gcp_endpoint(gcp), "https://secretmanager.us-east1.rep.googleapis.com");
    gcp.location.clear();
    gcp.secret = "projects/p/locations/europe-west1/secrets/db";
    EXPECT_EQ(gcp_endpoint(gcp), "https://secretmanager.europe-west1.rep.googleapis.com");
}

} // namespace
} // namespace rekey::rotation
