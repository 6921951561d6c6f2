// The Nacos source: what it reads, how it logs in, and servers that fail.
#include "rotation/nacos/signature.hpp"
#include "tests/unit/rotation/kms_places.hpp"
#include "tests/unit/rotation/source_nacos_fixture.hpp"

#include <atomic>

namespace rekey::rotation::nacos_test {
namespace {

TEST_F(NacosSource, ReadsAConfigurationOfSpring) {
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_EQ(result.credential->version.size(), 16u) << "a hash of what counts";
    auto seen = last(v1);
    EXPECT_EQ(seen.header("authorization"), "") << "nobody has to log in";
    EXPECT_EQ(seen.header("exconfiginfo"), "true");
    EXPECT_EQ(source_->type(), "nacos");
    EXPECT_EQ(source_->rotates(), Rotates::no);
    EXPECT_FALSE(source_->leases());
    for (const auto& request : server_.requests())
        EXPECT_FALSE(request.malformed);
}

TEST_F(NacosSource, HasANewVersionOnlyWhenTheCredentialIsNew) {
    auto first = fetch().credential->version;
    set("GET " + v1, {200, content("s3cret-Passw0rd") + "other=1\n"});
    EXPECT_EQ(fetch().credential->version, first);
    set("GET " + v1, {200, content("s3cret-2")});
    EXPECT_NE(fetch().credential->version, first);
}

TEST_F(NacosSource, NamesWhatIsWrong) {
    set("GET " + v1, {404, "config data not exist"});
    EXPECT_EQ(fetch().error, "nacos: public/DEFAULT_GROUP/db.properties: there is no such configuration");
    set("GET " + v1, {200, "spring.datasource.username=app\n"});
    EXPECT_EQ(fetch().error,
              "nacos: public/DEFAULT_GROUP/db.properties: \"spring.datasource.password\" is missing or empty");
    set("GET " + v1, {403, R"({"code":403,"message":"access denied"})"});
    EXPECT_THAT(fetch().error,
                HasSubstr("nacos: GET " + server_.url() + "/nacos/v1/cs/configs: status 403: permission denied"));
}

TEST_F(NacosSource, TurnsToVersion3WhereVersion1IsNot) {
    set("GET " + v1, {410, R"({"code":410,"message":"API_DEPRECATED"})"});
    set("GET " + v3, {200, R"({"code":0,"data":{"content":"username=app\npassword=s3cret\n"}})"});
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(server_.count("GET", v1), 1u) << "it is remembered";
    set("GET " + v3, {404, "{}"});
    set("GET " + v1, {200, content("s3cret-old")});
    EXPECT_EQ(fetch().credential->password.reveal(), "s3cret-old") << "a server of an older version in its place";
}

TEST_F(NacosSource, AsksTheVersionThatIsConfiguredOnly) {
    nacos_.api = config::NacosApi::v2;
    nacos_.name_space = "prod";
    EXPECT_THAT(fetch().error, HasSubstr("/nacos/v2/cs/config: status 404: there is no such API"));
    const std::string v2 = "/nacos/v2/cs/config?dataId=db.properties&group=DEFAULT_GROUP&namespaceId=prod";
    set("GET " + v2, {200, R"({"code":0,"message":"success","data":"username=app\npassword=s3cret"})"});
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(server_.count("GET", v1) + server_.count("GET", v3), 0u);
}

TEST_F(NacosSource, LogsInOnceAndAgainBeforeTheTokenEnds) {
    use_login(1500);
    ASSERT_TRUE(fetch().credential);
    auto login = last("/nacos/v1/auth/users/login");
    EXPECT_EQ(login.body, "username=rekey&password=nacos-pass");
    EXPECT_EQ(login.header("authorization"), "");
    EXPECT_EQ(last(v1).header("authorization"), "Bearer tok-1");
    environment_.advance(seconds(1349));
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(server_.count("POST", "/nacos/v1/auth/users/login"), 1u);
    set("POST /nacos/v1/auth/users/login", {200, token_answer("tok-2", 1500)});
    environment_.advance(seconds(52)); // a fifteenth before its end
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(last(v1).header("authorization"), "Bearer tok-2");
    for (const auto& request : server_.requests())
        EXPECT_THAT(request.target, Not(HasSubstr("tok-"))) << "no access log shows it";
}

TEST_F(NacosSource, UsesItsTokenToTheEndWhenTheLoginFails) {
    use_login(1500);
    ASSERT_TRUE(fetch().credential);
    set("POST /nacos/v1/auth/users/login", {500, "caused: unknown"});
    environment_.advance(seconds(1401));
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(server_.count("POST", "/nacos/v1/auth/users/login"), 2u) << "tried again after some seconds only";
    environment_.advance(seconds(100));
    EXPECT_THAT(fetch().error, HasSubstr("/v1/auth/users/login: status 500"));
}

TEST_F(NacosSource, LogsInAgainWhenTheTokenIsNotKnownButNotAllTheTime) {
    use_login();
    ASSERT_TRUE(fetch().credential);
    kill_token("tok-1");
    EXPECT_THAT(fetch().error, HasSubstr("status 403")) << "this one is too young to be doubted";
    EXPECT_EQ(server_.count("POST", "/nacos/v1/auth/users/login"), 1u);
    environment_.advance(seconds(61));
    set("POST /nacos/v1/auth/users/login", {200, token_answer("tok-2", 18'000)});
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(server_.count("POST", "/nacos/v1/auth/users/login"), 2u);
}

TEST_F(NacosSource, LogsInAtVersion3WhereVersion1IsNot) {
    use_login();
    set("POST /nacos/v1/auth/users/login", {404, "{}"});
    set("POST /nacos/v3/auth/user/login", {200, token_answer("tok-3", 18'000)});
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(last(v1).header("authorization"), "Bearer tok-3");
}

TEST_F(NacosSource, TellsThatTheLoginIsRefused) {
    use_login();
    set("POST /nacos/v1/auth/users/login", {403, "user or password is wrong: nacos-pass"});
    EXPECT_THAT(fetch().error, HasSubstr("/v1/auth/users/login: status 403: permission denied"));
    EXPECT_EQ(server_.requests().size(), 1u) << "once, and nothing else";
    set("POST /nacos/v1/auth/users/login", {500, "user not found"});
    fetch();
    EXPECT_EQ(server_.requests().size(), 2u) << "so answers 3.x; trying again would look like an attack";
}

TEST_F(NacosSource, SignsWithAccessKeys) {
    nacos_.access_key.id = "ak-1";
    nacos_.access_key.secret.value = protocol::Secret("sk-1");
    ASSERT_TRUE(fetch().credential);
    auto seen = last(v1);
    EXPECT_EQ(seen.header("timestamp"), "1800000000000");
    EXPECT_EQ(seen.header("spas-accesskey"), "ak-1");
    EXPECT_EQ(seen.header("spas-signature"), nacos::hmac_sha1("sk-1", "DEFAULT_GROUP+1800000000000"));
    EXPECT_EQ(seen.header("spas-securitytoken"), "");
}

TEST_F(NacosSource, ReadsAccessKeysFromTheirFileForEveryRequest) {
    tests::TemporaryDirectory directory;
    auto path = directory / "keys.json";
    auto write = [&](const std::string& id) {
        std::ofstream(path) << R"({"AccessKeyId":")" + id + R"(","AccessKeySecret":"sk-1","SecurityToken":"tok-sts"})";
    };
    nacos_.access_key.file = path;
    write("ak-1");
    ASSERT_TRUE(fetch().credential);
    write("ak-2");
    ASSERT_TRUE(fetch().credential);
    auto seen = last(v1);
    EXPECT_EQ(seen.header("spas-accesskey"), "ak-2");
    EXPECT_EQ(seen.header("spas-securitytoken"), "tok-sts");
    write("");
    EXPECT_THAT(fetch().error, AllOf(HasSubstr("nacos: "), HasSubstr(path), HasSubstr("holds no access key")));
}

TEST_F(NacosSource, TurnsToAnotherServerWhenOneFailsAndStaysThere) {
    tests::HttpServer broken([](const SeenRequest&) { return text(503, "server is DOWN now"); });
    nacos_.addresses = {broken.url(), server_.url() + "/nacos", broken.url()};
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(fetch().credential);
    EXPECT_LE(broken.requests().size(), 2u);
    EXPECT_EQ(server_.requests().size(), 3u);
}

TEST_F(NacosSource, TurnsToAnotherServerWhenOneIsAwayOrHangs) {
    std::string away;
    {
        tests::HttpServer gone([](const SeenRequest&) { return text(200, ""); });
        away = gone.url();
    }
    tests::HttpServer hanging([](const SeenRequest&) { return Answer{{}, true, true}; });
    nacos_.addresses = {away, hanging.url(), server_.url()};
    timeout_ = milliseconds(3000); // a third for each
    EXPECT_TRUE(fetch().credential);
}

TEST_F(NacosSource, AsksAServerThatIsJustChangingAgain) {
    std::atomic<int> asked = 0;
    tests::HttpServer busy([&](const SeenRequest&) {
        return ++asked < 3 ? text(409, "requested file is being modified, please try later.")
                           : text(200, content("s3cret"));
    });
    nacos_.addresses = {busy.url()};
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(asked, 3);
}

TEST_F(NacosSource, SparesServersThatFail) {
    set("GET " + v1, {500, "caused: out of memory"});
    for (int i = 0; i < 4; ++i)
        EXPECT_THAT(fetch().error, HasSubstr("status 500: it has failed"));
    EXPECT_TRUE(source_->breaker_open());
    auto asked = server_.requests().size();
    EXPECT_EQ(asked, 12u) << "three rounds each";
    EXPECT_THAT(fetch().error, HasSubstr("status 500"));
    EXPECT_EQ(server_.requests().size(), asked);
    set("GET " + v1, {200, content("s3cret")});
    environment_.advance(seconds(60));
    EXPECT_TRUE(fetch().credential);
    EXPECT_FALSE(source_->breaker_open());
}

TEST_F(NacosSource, CallsNobodyBackAfterItsEnd) {
    make();
    bool called = false;
    source_->fetch([&](FetchResult) { called = true; });
    source_.reset();
    environment_.run_ready();
    EXPECT_FALSE(called);
}

class Cipher final : public ConfigCipher {
  public:
    void decrypt(std::string data_id, std::string content, std::string encrypted_data_key,
                 std::function<void(protocol::Secret plain, std::string error)> done) override {
        EXPECT_EQ(data_id, "cipher-kms-aes-256-db");
        EXPECT_EQ(encrypted_data_key, "wrapped");
        if (content == "sealed")
            done(protocol::Secret("username=app\npassword=s3cret"), {});
        else
            done({}, "the padding is wrong");
    }
};

TEST_F(NacosSource, HasEncryptedConfigurationsDecrypted) {
    nacos_.data_id = "cipher-kms-aes-256-db";
    nacos_.api = config::NacosApi::v3;
    cipher_ = std::make_unique<Cipher>();
    const std::string target =
        "GET /nacos/v3/client/cs/config?dataId=cipher-kms-aes-256-db&groupName=DEFAULT_GROUP&namespaceId=public";
    set(target, {200, R"({"code":0,"data":{"content":"sealed","encryptedDataKey":"wrapped"}})"});
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->password.reveal(), "s3cret");
    set(target, {200, R"({"code":0,"data":{"content":"spoiled","encryptedDataKey":"wrapped"}})"});
    EXPECT_EQ(fetch().error, "nacos: public/DEFAULT_GROUP/cipher-kms-aes-256-db: the padding is wrong");
}

// AES-256 of the text that is expected below, as openssl writes it, and its key.
const std::string sealed = "VC57EEo3rPw0kg3o+V6oXxiRNkULdkVNQMGoRA9BZLmHMof0JBNEHAS5t6h66tuzogCDTcefyZKUPPTxRZgV9SZ"
                           "fvCiVJJ26D9rUdA+r85E=";
const std::string sealing_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

TEST_F(NacosSource, IsMadeWithTheKmsThatIsConfigured) {
    tests::KmsPlaces places;
    places.set("Decrypt wrapped", 200, R"({"Plaintext":")" + sealing_key + R"("})");
    auto kms = std::make_shared<config::AliyunKms>();
    kms->endpoint = places.server.url();
    kms->access_key.id = "AKID";
    kms->access_key.secret.value = protocol::Secret("s3cret-key");
    nacos_.kms = kms;
    nacos_.data_id = "cipher-kms-aes-256-db.properties";
    nacos_.api = config::NacosApi::v3;
    nacos_.addresses = {server_.url()};
    config::Credential configuration;
    configuration.source.type = config::SourceType::nacos;
    configuration.source.nacos = std::make_shared<config::Nacos>(std::move(nacos_));
    source_ = make_source(configuration, environment_, watcher_, nullptr, protocol::Secret("key"));
    set("GET /nacos/v3/client/cs/config?dataId=cipher-kms-aes-256-db.properties&groupName=DEFAULT_GROUP&namespaceId="
        "public",
        {200, R"({"code":0,"data":{"content":")" + sealed + R"(","encryptedDataKey":"wrapped"}})"});
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cr3t-密码&<>");
    EXPECT_THAT(places.asked(), testing::ElementsAre("Decrypt wrapped"));
    places.set_error("Decrypt wrapped", 403, "Forbidden.NoPermission");
    EXPECT_THAT(fetch().error,
                AllOf(HasSubstr("nacos: public/DEFAULT_GROUP/cipher-kms-aes-256-db.properties: aliyun_kms: "),
                      HasSubstr("Forbidden.NoPermission: the identity lacks the permission")));
}

TEST_F(NacosSource, SaysThatThereIsNobodyToDecrypt) {
    nacos_.data_id = "cipher-db";
    set("GET /nacos/v1/cs/configs?dataId=cipher-db&group=DEFAULT_GROUP", {200, "sealed"});
    EXPECT_THAT(fetch().error, HasSubstr("it is encrypted (cipher-), and there is no KMS to decrypt it"));
}

} // namespace
} // namespace rekey::rotation::nacos_test
