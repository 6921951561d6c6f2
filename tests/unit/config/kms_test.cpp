// Sources of type aliyun_kms: what the file says, and what is refused.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string at = "/etc/rekey.yaml:3: credentials[main].source.";

std::string with_source(const std::string& rest) {
    return users + upstreams + "credentials: [{ name: main, source: { type: aliyun_kms, " + rest + " } }]\n";
}

std::vector<std::string> errors(const std::string& rest) {
    FakeInputs inputs;
    inputs.files["/etc/sk"] = "secret";
    return inputs.errors(with_source(rest));
}

TEST(AliyunKmsSource, TakesWhatTheFileSays) {
    FakeInputs inputs;
    inputs.files["/etc/sk"] = "secret";
    auto result = inputs.load(with_source(
        "secret: orders/db, endpoint: \"https://kst-x.cryptoservice.kms.aliyuncs.com\", ca: ca.crt, user: app, "
        "signature: rpc, fields: { username: u, password: pw }, timeout: 3s, "
        "access_key: { id: LTAI, secret: { file: sk }, token: { value: t } }"));
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& credential = result.config->credentials[0];
    EXPECT_EQ(credential.source.type, SourceType::aliyun_kms);
    EXPECT_EQ(credential.refresh, Duration(60'000));
    EXPECT_EQ(credential.source.timeout, Duration(3'000));
    const auto& kms = *credential.source.kms;
    EXPECT_EQ(kms.secret, "orders/db");
    EXPECT_EQ(kms.endpoint, "https://kst-x.cryptoservice.kms.aliyuncs.com");
    EXPECT_EQ(kms.ca, "/etc/ca.crt");
    EXPECT_EQ(kms.user, "app");
    EXPECT_EQ(kms.signature, AliyunSignature::rpc);
    EXPECT_EQ(kms.username_field, "u");
    EXPECT_EQ(kms.password_field, "pw");
    EXPECT_EQ(kms.access_key.id, "LTAI");
    EXPECT_EQ(kms.access_key.secret.file, "/etc/sk");
    EXPECT_EQ(kms.access_key.token.value.reveal(), "t");
    EXPECT_EQ(kms.metadata, "http://100.100.100.200");
}

TEST(AliyunKmsSource, IsAskedAtTheGatewayOfTheRegion) {
    auto result = FakeInputs().load(with_source("secret: a, region: cn-hangzhou"));
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->credentials[0].source.kms->endpoint, "https://kms.cn-hangzhou.aliyuncs.com");
    EXPECT_EQ(result.config->credentials[0].source.kms->signature, AliyunSignature::acs3);
}

TEST(AliyunKmsSource, NeedsASecretAndAnAddressItCanTrust) {
    EXPECT_THAT(errors("region: cn-hangzhou"), ElementsAre(at + "secret: is missing"));
    EXPECT_THAT(errors("secret: \"a b\", region: cn-hangzhou"),
                ElementsAre(at + "secret: expects the name of a secret"));
    EXPECT_THAT(errors("secret: a"), ElementsAre(at + "region: is missing; it or endpoint says where KMS is"));
    EXPECT_THAT(errors("secret: a, region: \"CN Hangzhou\""),
                ElementsAre(at + "region: expects a region such as cn-hangzhou"));
    EXPECT_THAT(errors("secret: a, endpoint: \"http://kms\""),
                ElementsAre(at + "endpoint: expects https: secrets would cross the network in the clear"));
    EXPECT_THAT(errors("secret: a, endpoint: kms"), ElementsAre(at + "endpoint: expects https://host"));
    EXPECT_THAT(errors("secret: a, endpoint: \"http://127.0.0.1:1\""), IsEmpty());
}

TEST(AliyunKmsSource, IsAskedInOneWay) {
    const std::string where = "secret: a, endpoint: \"https://kms\", ";
    EXPECT_THAT(errors(where + "access_key: { id: A, secret: { file: sk } }"), IsEmpty());
    EXPECT_THAT(errors(where + "access_key: { file: keys.json }"), IsEmpty());
    EXPECT_THAT(errors(where + "ram_role: R"), IsEmpty());
    EXPECT_THAT(errors(where + "access_key: { id: A }"), ElementsAre(at + "access_key.secret: is missing"));
    EXPECT_THAT(errors(where + "access_key: { token: { value: t } }"),
                ElementsAre(at + "access_key.id: is missing", at + "access_key.secret: is missing"));
    EXPECT_THAT(errors(where + "access_key: {}"), ElementsAre(at + "access_key: expects either id and secret or file"));
    EXPECT_THAT(errors(where + "access_key: { id: A, secret: { file: sk }, file: keys.json }"),
                ElementsAre(at + "access_key: expects either id and secret or file"));
    EXPECT_THAT(errors(where + "access_key: { file: keys.json }, ram_role: R"),
                ElementsAre(HasSubstr("access_key, ram_role and client_key exclude each other")));
    EXPECT_THAT(errors(where + "ram_role: a/b"), ElementsAre(at + "ram_role: expects the name of a RAM role"));
}

TEST(AliyunKmsSource, AsksForMetadataWhereNobodyElseListens) {
    const std::string where = "secret: a, region: cn-hangzhou, metadata: ";
    EXPECT_THAT(errors(where + "\"http://100.100.100.200\""), IsEmpty());
    EXPECT_THAT(errors(where + "\"http://127.0.0.1:8\""), IsEmpty());
    EXPECT_THAT(errors(where + "\"http://metadata\""),
                ElementsAre(at + "metadata: expects http://100.100.100.200 or an address of this host"));
}

TEST(AliyunKmsSource, TakesAClientKeyForTheGatewayOfAnInstance) {
    const std::string key = "secret: a, client_key: { file: sk, password: { value: p } }";
    FakeInputs inputs;
    auto result = inputs.load(with_source(key + ", endpoint: \"https://kst-x\""));
    ASSERT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.config->credentials[0].source.kms->client_key, "/etc/sk");
    EXPECT_EQ(result.config->credentials[0].source.kms->client_key_password.value.reveal(), "p");
    EXPECT_THAT(errors(key + ", region: cn-hangzhou"),
                ElementsAre(at + "endpoint: is missing; client_key needs that of the KMS instance"));
    EXPECT_THAT(errors("secret: a, endpoint: \"https://kst-x\", client_key: { file: sk }"),
                ElementsAre(at + "client_key.password: is missing"));
}

TEST(AliyunKmsSource, IsNotRotatedByRekey) {
    EXPECT_THAT(FakeInputs().errors(users + upstreams +
                                    "credentials: [{ name: main, source: { type: aliyun_kms, secret: a, region: x }, "
                                    "rotation: { strategy: single_user } }]\n"),
                ElementsAre(HasSubstr("rotation: needs a source of type local")));
}

} // namespace
} // namespace rekey::config
