// Signatures, requests and answers of Nacos as bytes.
#include "rotation/nacos/api.hpp"
#include "rotation/nacos/signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::nacos {
namespace {

using config::NacosApi;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// `hmac_sha1(b, aaa)` is the one that Nacos itself tests.
TEST(NacosSignature, IsThatOfTheVectors) {
    EXPECT_EQ(hmac_sha1("b", "aaa"), "DxyaKScrqL26yXYOuHXE3OwfQ0Y=");
    EXPECT_EQ(hmac_sha1("123", "bb+aa+1700000000000"), "9jSJ++JEU38buUI+zv8riBpIAgw=");
    EXPECT_EQ(hmac_sha1("123", "1700000000000"), "O8bc1a2izwcpKTxOqO7QYhR0I9w=");
    EXPECT_EQ(signing_key_v4("testSecretKey", "20211222", "cn-hangzhou", "mse-nacos").reveal(),
              "8Hj5ygP2PbWlbhWMnUbMEyd/mH2Sa4d0q+TrYjfBuHI=");
    EXPECT_EQ(signing_key_v4("testSecretKey", "20211222", "cn-hangzhou", "mse").reveal(),
              "Tc+1MA22P4MGBfIoXFpMl2Jx2HO2M1s1uKHBU/3bucE=");
}

std::vector<std::string> lines(const std::vector<http::Header>& headers) {
    std::vector<std::string> all;
    for (const auto& header : headers)
        all.push_back(header.name + ": " + std::string(header.value.reveal()));
    return all;
}

alibaba::Keys keys(const std::string& token = {}) {
    return {"ak", protocol::Secret("123"), protocol::Secret(token), {}};
}

const std::chrono::system_clock::time_point then{std::chrono::milliseconds(1'700'000'000'000)};

TEST(NacosSignature, CoversNamespaceGroupAndTime) {
    EXPECT_THAT(
        lines(sign(keys(), {}, signed_resource("bb", "aa"), then)),
        ElementsAre("Timestamp: 1700000000000", "Spas-AccessKey: ak", "Spas-Signature: 9jSJ++JEU38buUI+zv8riBpIAgw="));
    EXPECT_THAT(lines(sign(keys(), {}, "", then)), testing::Contains("Spas-Signature: O8bc1a2izwcpKTxOqO7QYhR0I9w="));
    EXPECT_EQ(signed_resource("", "aa"), "aa");
    EXPECT_EQ(signed_resource("bb", ""), "");
}

TEST(NacosSignature, NamesItsVersionAndTheTokenOfTemporaryKeys) {
    auto day_key = signing_key_v4("123", "20231114", "cn-hangzhou", "mse-nacos");
    EXPECT_THAT(lines(sign(keys("sts"), {"cn-hangzhou", "mse-nacos"}, "aa", then)),
                ElementsAre("Timestamp: 1700000000000", "Spas-AccessKey: ak",
                            "Spas-Signature: " + hmac_sha1(day_key.reveal(), "aa+1700000000000"),
                            "signatureVersion: v4", "Spas-SecurityToken: sts"));
}

config::Nacos configured(const std::string& name_space) {
    config::Nacos nacos;
    nacos.data_id = "db.yaml";
    nacos.group = "DEFAULT_GROUP";
    nacos.name_space = name_space;
    return nacos;
}

TEST(NacosRequests, AskAsEachVersionWantsIt) {
    EXPECT_EQ(read_target(configured("prod"), NacosApi::v1),
              "/v1/cs/configs?dataId=db.yaml&group=DEFAULT_GROUP&tenant=prod");
    EXPECT_EQ(read_target(configured(""), NacosApi::v1), "/v1/cs/configs?dataId=db.yaml&group=DEFAULT_GROUP");
    EXPECT_EQ(read_target(configured("prod"), NacosApi::v2),
              "/v2/cs/config?dataId=db.yaml&group=DEFAULT_GROUP&namespaceId=prod");
    EXPECT_EQ(read_target(configured("prod"), NacosApi::v3),
              "/v3/client/cs/config?dataId=db.yaml&groupName=DEFAULT_GROUP&namespaceId=prod");
    EXPECT_EQ(read_target(configured(""), NacosApi::v3),
              "/v3/client/cs/config?dataId=db.yaml&groupName=DEFAULT_GROUP&namespaceId=public");
    EXPECT_EQ(login_form("a b", "p&=+%\xc3\xa4").reveal(), "username=a%20b&password=p%26%3D%2B%25%C3%A4");
}

TEST(NacosRequests, ListenForOneConfiguration) {
    const std::string md5 = "9eb5e3f5c5ff0a5b2b1f9d4b1b6c8a11";
    EXPECT_EQ(listen_form(configured("prod"), md5),
              "Listening-Configs=db.yaml%02DEFAULT_GROUP%02" + md5 + "%02prod%01&tenant=prod");
    EXPECT_EQ(listen_form(configured(""), ""), "Listening-Configs=db.yaml%02DEFAULT_GROUP%02%01");
}

TEST(NacosAnswers, OfTheListenerNameWhatChanged) {
    auto named = [](std::string_view body) { return names_configuration(body, configured("prod")); };
    EXPECT_EQ(named(""), false);
    EXPECT_EQ(named("\r\n"), false);
    EXPECT_EQ(named("db.yaml%02DEFAULT_GROUP%02prod%01\n"), true);
    EXPECT_EQ(named("db.yaml%02DEFAULT_GROUP%01\n"), true);
    EXPECT_EQ(named("other.yaml%02DEFAULT_GROUP%02prod%01db.yaml%02DEFAULT_GROUP%02prod%01"), true);
    EXPECT_EQ(named("db.yaml%02DEFAULT_GROUP2%02prod%01\n"), false);
    EXPECT_EQ(named("<html>"), std::nullopt);
    EXPECT_EQ(named("db.yaml%02DEFAULT_GROUP%02prod"), std::nullopt);
}

http::Head head(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
    return {status, true, std::move(headers)};
}

TEST(NacosAnswers, OfVersion1AreTheContent) {
    auto reading = read_answer(NacosApi::v1,
                               head(200, {{"content-md5", "0123456789abcdef0123456789abcdef"},
                                          {"Config-Type", "yaml"},
                                          {"Encrypted-Data-Key", "key"}}),
                               "a: b");
    ASSERT_TRUE(reading.document) << reading.error;
    EXPECT_EQ(reading.document->content.reveal(), "a: b");
    EXPECT_EQ(reading.document->md5, "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(reading.document->type, "yaml");
    EXPECT_EQ(reading.document->encrypted_data_key, "key");
    EXPECT_EQ(read_answer(NacosApi::v1, head(200), "abc").document->md5, "900150983cd24fb0d6963f7d28e17f72");
}

TEST(NacosAnswers, OfVersion2And3AreInJson) {
    auto second = read_answer(NacosApi::v2, head(200, {{"Config-Type", "text"}}),
                              R"({"code":0,"message":"success","data":"abc"})");
    ASSERT_TRUE(second.document) << second.error;
    EXPECT_EQ(second.document->content.reveal(), "abc");
    EXPECT_EQ(second.document->md5, "900150983cd24fb0d6963f7d28e17f72");
    auto third = read_answer(NacosApi::v3, head(200), R"({"code":0,"data":{"content":"abc","encryptedDataKey":"k",
        "contentType":"yaml","md5":"900150983cd24fb0d6963f7d28e17f72"}})");
    ASSERT_TRUE(third.document) << third.error;
    EXPECT_EQ(third.document->content.reveal(), "abc");
    EXPECT_EQ(third.document->type, "yaml");
    EXPECT_EQ(third.document->encrypted_data_key, "k");
    for (auto body : {"", "{}", "[]", R"({"code":0})", R"({"code":0,"data":{"content":1}})", R"({"code":"0"})"})
        EXPECT_FALSE(read_answer(NacosApi::v3, head(200), body).error.empty()) << body;
}

TEST(NacosAnswers, TellAbsenceFromAMissingApi) {
    auto v1 = read_answer(NacosApi::v1, head(404), "config data not exist");
    auto v2 = read_answer(NacosApi::v2, head(404), R"({"code":20004,"message":"resource not found","data":null})");
    auto v3 = read_answer(NacosApi::v3, head(200), R"({"code":20004,"message":"resource not found","data":null})");
    for (const auto* reading : {&v1, &v2, &v3}) {
        EXPECT_TRUE(reading->absent) << reading->error;
        EXPECT_FALSE(reading->no_api || reading->store_failed);
    }
    for (auto [status, body] :
         {std::pair(404, "{\"status\":404,\"error\":\"Not Found\"}"), std::pair(410, "gone"), std::pair(501, "")}) {
        auto reading = read_answer(NacosApi::v1, head(status), body);
        EXPECT_TRUE(reading.no_api) << status;
        EXPECT_FALSE(reading.absent) << status;
    }
}

TEST(NacosAnswers, TellWhoseFaultItIs) {
    for (int status : {500, 502, 503, 429, 409})
        EXPECT_TRUE(read_answer(NacosApi::v1, head(status), "").store_failed) << status;
    EXPECT_TRUE(read_answer(NacosApi::v3, head(200), R"({"code":20005,"message":"conflict"})").store_failed);
    for (int status : {400, 403, 404})
        EXPECT_FALSE(read_answer(NacosApi::v1, head(status), "").store_failed) << status;
    auto denied = read_answer(NacosApi::v3, head(403), R"({"code":10001,"message":"access denied","data":"no right"})");
    EXPECT_THAT(denied.error, AllOf(HasSubstr("status 403: permission denied"), HasSubstr("access denied: no right")));
    EXPECT_THAT(explain_status(500, "<html>secret</html>"), Not(HasSubstr("secret")));
    EXPECT_THAT(explain_status(400, "password=s3cret"), Not(HasSubstr("s3cret")));
}

TEST(NacosAnswers, OfALoginHoldAToken) {
    auto token = parse_login(R"({"accessToken":"eyJ","tokenTtl":18000,"globalAdmin":true,"username":"nacos"})");
    ASSERT_TRUE(token);
    EXPECT_EQ(token->text.reveal(), "eyJ");
    EXPECT_EQ(token->ttl, std::chrono::seconds(18000));
    EXPECT_TRUE(parse_login(R"({"code":0,"data":{"accessToken":"eyJ","tokenTtl":5}})"));
    for (auto body : {"", "{}", R"({"accessToken":"","tokenTtl":5})", R"({"accessToken":"x","tokenTtl":0})",
                      R"({"accessToken":"x","tokenTtl":-5})", R"({"accessToken":5,"tokenTtl":5})"})
        EXPECT_FALSE(parse_login(body)) << body;
}

} // namespace
} // namespace rekey::rotation::nacos
