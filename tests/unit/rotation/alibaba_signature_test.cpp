// Signatures of requests to Alibaba Cloud, against published vectors and those of its SDKs.
#include "config/scalars.hpp"
#include "protocol/auth/digest.hpp"
#include "rotation/alibaba/signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::alibaba {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const auto when = std::chrono::sys_days(std::chrono::year(2024) / 1 / 2) + 3h + 4min + 5s;
const std::string nonce = "d410180a5abf7fe235dd9b74aca91fc0";

Keys keys_of(std::string_view id, std::string_view secret, std::string_view token = {}) {
    Keys keys;
    keys.id = id;
    keys.secret = protocol::Secret(secret);
    keys.token = protocol::Secret(token);
    return keys;
}

std::string value_of(const std::vector<http::Header>& headers, std::string_view name) {
    for (const auto& header : headers)
        if (header.name == name)
            return std::string(header.value.reveal());
    return {};
}

ToSign decrypt_request() {
    ToSign request;
    request.host = "kst-hzz0000.cryptoservice.kms.aliyuncs.com";
    request.action = "Decrypt";
    request.version = "2016-01-20";
    request.query = {{"CiphertextBlob",
                      "DZhOWVmZDktM2QxNi00ODk0LWJkNGYtMWZjNDNmM2YyYWJmS7FmDBBQ0BkKsQrtRnidtPwirmDcS0ZuJC"
                      "U41xxAAWk4Z8qsADfbV0b+i6kQmlvj79dJdGOvtX69Uycs901qOjop4bTS"}};
    return request;
}

TEST(Acs3, SignsThePublishedExample) {
    ToSign request;
    request.host = "ecs.cn-shanghai.aliyuncs.com";
    request.action = "RunInstances";
    request.version = "2014-05-26";
    request.query = {{"RegionId", "cn-shanghai"}, {"ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}};
    auto keys = keys_of("YourAccessKeyId", "YourAccessKeySecret");
    auto moment = std::chrono::sys_days(std::chrono::year(2023) / 10 / 26) + 10h + 22min + 32s;
    auto headers = sign_acs3(keys, request, "3156853299f313e23d1673dc12e1703d", moment);
    EXPECT_EQ(value_of(headers, "authorization"),
              "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
              "x-acs-date;x-acs-signature-nonce;x-acs-version,"
              "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
    headers.pop_back(); // what is signed has no authorization yet
    std::string names;
    EXPECT_EQ(config::lower_case_hex(
                  protocol::auth::view(protocol::auth::sha256({canonical_request(request, headers, names)}))),
              "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259");
}

TEST(Acs3, SignsWhatIsDecrypted) {
    auto headers = sign_acs3(keys_of("testid", "testsecret"), decrypt_request(), nonce, when);
    EXPECT_THAT(value_of(headers, "authorization"),
                EndsWith("Signature=e0bd4b18444948510816a62fe3815438c92e947344238d7432a392767b0d3a0e"));
    EXPECT_EQ(value_of(headers, "x-acs-date"), "2024-01-02T03:04:05Z");
    EXPECT_EQ(value_of(headers, "x-acs-security-token"), "");
}

TEST(Acs3, SignsTheTokenOfASession) {
    auto headers = sign_acs3(keys_of("STS.testid", "testsecret", "TOKEN123"), decrypt_request(), nonce, when);
    EXPECT_THAT(value_of(headers, "authorization"),
                AllOf(HasSubstr("x-acs-accesskey-id;"), HasSubstr("x-acs-security-token;"),
                      EndsWith("Signature=39828871273021d844f913a4bd611eb6508c6e707cb9d0c0fc4d051d8cedbeb4")));
}

TEST(Acs3, SignsTypeAndHashOfABody) {
    auto request = decrypt_request();
    auto without = sign_acs3(keys_of("a", "b"), request, nonce, when);
    request.content_type = "application/x-www-form-urlencoded";
    request.body = "a=1";
    auto with = sign_acs3(keys_of("a", "b"), request, nonce, when);
    EXPECT_THAT(value_of(with, "authorization"), HasSubstr("SignedHeaders=content-type;host;"));
    EXPECT_THAT(value_of(without, "authorization"), Not(HasSubstr("content-type")));
    EXPECT_NE(value_of(with, "x-acs-content-sha256"), value_of(without, "x-acs-content-sha256"));
}

TEST(RpcSignature, IsThatOfTheSdk) {
    EXPECT_EQ(rpc_signature("", {{"test", "ok"}}, protocol::Secret("accessKeySecret")), "jHx/oHoHNrbVfhncHEvPdHXZwHU=");
}

TEST(RpcSignature, IsThatOfThePublishedExample) {
    Parameters parameters{{"AccessKeyId", "testid"},
                          {"Action", "DescribeRegions"},
                          {"Format", "XML"},
                          {"SignatureMethod", "HMAC-SHA1"},
                          {"SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"},
                          {"SignatureVersion", "1.0"},
                          {"Timestamp", "2016-02-23T12:46:24Z"},
                          {"Version", "2014-05-26"}};
    EXPECT_EQ(rpc_signature("GET", parameters, protocol::Secret("testsecret")), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
}

TEST(RpcForm, IsSignedWithEverythingInIt) {
    auto form = rpc_form(keys_of("testid", "testsecret"), "GetSecretValue", "2016-01-20", {{"SecretName", "rds/app"}},
                         "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf", when);
    EXPECT_THAT(std::string(form.reveal()),
                AllOf(HasSubstr("&SecretName=rds%2Fapp&Signature=E6sc7oBag%2BnrVo2IJ5ra5pw8b4U%3D&"),
                      Not(HasSubstr("SecurityToken"))));
    auto session = rpc_form(keys_of("testid", "testsecret", "T"), "GetSecretValue", "2016-01-20", {}, nonce, when);
    EXPECT_THAT(std::string(session.reveal()), HasSubstr("&SecurityToken=T&"));
}

TEST(QueryText, IsSortedAndEscapedAsRfc3986Wants) {
    EXPECT_EQ(query_text({{"b", "a b*~"}, {"a", ""}, {"c", "\xe5\xaf\x86"}}), "a=&b=a%20b%2A~&c=%E5%AF%86");
}

} // namespace
} // namespace rekey::rotation::alibaba
