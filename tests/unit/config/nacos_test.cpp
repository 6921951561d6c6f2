// Sources of type nacos: what the file says, and what is refused.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string at = "/etc/rekey.yaml:3: credentials[main].source.";

std::string with_source(const std::string& rest) {
    return users + upstreams + "credentials: [{ name: main, source: { type: nacos, " + rest + " } }]\n";
}

std::vector<std::string> errors(const std::string& rest) {
    return FakeInputs().errors(with_source(rest));
}

std::string at_server(const std::string& rest) {
    return "addresses: [\"https://nacos:8848\"], " + rest;
}

TEST(NacosSource, TakesWhatTheFileSays) {
    FakeInputs inputs;
    inputs.files["/run/password"] = inputs.files["/run/sk"] = inputs.files["/run/sts"] = "x";
    auto result = inputs.load(with_source(
        "addresses: [\"https://one:8848\", \"https://two/config/nacos\"], namespace: prod, group: orders, data_id: "
        "orders-db.yaml, api: v2, format: yaml, fields: { username: db.user, password: db.pass }, ca: ca.crt, "
        "server_name: nacos, timeout: 3s, login: { username: rekey, password: { file: /run/password } }, region: "
        "cn-hangzhou, access_key: { id: ak, secret: { file: /run/sk }, token: { file: /run/sts } }"));
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& credential = result.config->credentials[0];
    EXPECT_EQ(credential.refresh, Duration(30'000));
    EXPECT_EQ(credential.source.timeout, Duration(3'000));
    const auto& nacos = *credential.source.nacos;
    EXPECT_THAT(nacos.addresses, ElementsAre("https://one:8848", "https://two/config/nacos"));
    EXPECT_EQ(nacos.name_space, "prod");
    EXPECT_EQ(nacos.group, "orders");
    EXPECT_EQ(nacos.data_id, "orders-db.yaml");
    EXPECT_EQ(nacos.api, NacosApi::v2);
    EXPECT_EQ(nacos.format, DocumentFormat::yaml);
    EXPECT_EQ(nacos.username_field, "db.user");
    EXPECT_EQ(nacos.password_field, "db.pass");
    EXPECT_EQ(nacos.ca, "/etc/ca.crt");
    EXPECT_EQ(nacos.server_name, "nacos");
    EXPECT_EQ(nacos.username, "rekey");
    EXPECT_EQ(nacos.password.file, "/run/password");
    EXPECT_EQ(nacos.access_key.id, "ak");
    EXPECT_EQ(nacos.access_key.secret.file, "/run/sk");
    EXPECT_EQ(nacos.access_key.token.file, "/run/sts");
    EXPECT_EQ(nacos.region, "cn-hangzhou");
    EXPECT_EQ(nacos.product, "mse-nacos");
}

TEST(NacosSource, NeedsLittle) {
    auto result = FakeInputs().load(with_source(at_server("data_id: app, namespace: public")));
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& nacos = *result.config->credentials[0].source.nacos;
    EXPECT_EQ(nacos.name_space, "") << "the public one has no id";
    EXPECT_EQ(nacos.group, "DEFAULT_GROUP");
    EXPECT_EQ(nacos.api, NacosApi::automatic);
    EXPECT_EQ(nacos.format, DocumentFormat::automatic);
    EXPECT_EQ(nacos.username_field, "") << "the names that Spring and Druid use";
    EXPECT_EQ(nacos.username, "");
    EXPECT_FALSE(nacos.access_key.given());
    EXPECT_EQ(nacos.kms, nullptr);
}

TEST(NacosSource, NeedsAddressesItCanTrust) {
    EXPECT_THAT(errors("data_id: app"), ElementsAre(at + "addresses: is missing"));
    EXPECT_THAT(errors("data_id: app, addresses: []"), ElementsAre(at + "addresses: is empty"));
    EXPECT_THAT(errors("data_id: app, addresses: [\"nacos:8848\"]"),
                ElementsAre(at + "addresses: expects https://host:port, not \"nacos:8848\""));
    EXPECT_THAT(errors("data_id: app, addresses: [\"https://one\", \"http://two:8848\"]"),
                ElementsAre(at + "addresses: expects https: secrets would cross the network in the clear; allow_http "
                                 "takes that risk"));
    EXPECT_THAT(errors("data_id: app, addresses: [\"http://two:8848\"], allow_http: true"), IsEmpty());
    EXPECT_THAT(errors("data_id: app, addresses: [\"http://127.0.0.1:8848\"]"), IsEmpty());
}

TEST(NacosSource, NeedsNamesThatAServerTakes) {
    EXPECT_THAT(errors(at_server("group: g")), ElementsAre(at + "data_id: is missing"));
    const std::string expected = "expects letters, digits and the characters . _ : - only";
    EXPECT_THAT(errors(at_server("data_id: a/b, group: \"a b\", namespace: \"a%b\"")),
                ElementsAre(at + "data_id: " + expected, at + "group: " + expected, at + "namespace: " + expected));
}

TEST(NacosSource, HasEncryptedConfigurationsDecryptedByKms) {
    FakeInputs inputs;
    inputs.files["/etc/sk"] = "secret";
    auto result = inputs.load(with_source(
        at_server("data_id: cipher-kms-aes-256-db.yaml, timeout: 3s, kms: { endpoint: \"https://kst-x\", ca: kms.crt, "
                  "signature: rpc, access_key: { id: LTAI, secret: { file: sk } } }")));
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& source = result.config->credentials[0].source;
    EXPECT_EQ(source.type, SourceType::nacos);
    EXPECT_EQ(source.kms, nullptr) << "that is for secrets";
    const auto& kms = *source.nacos->kms;
    EXPECT_EQ(kms.endpoint, "https://kst-x");
    EXPECT_EQ(kms.ca, "/etc/kms.crt");
    EXPECT_EQ(kms.signature, AliyunSignature::rpc);
    EXPECT_EQ(kms.access_key.id, "LTAI");
    EXPECT_EQ(kms.access_key.secret.file, "/etc/sk");
    EXPECT_EQ(kms.metadata, "http://100.100.100.200");
    EXPECT_FALSE(source.nacos->access_key.given()) << "that one signs for Nacos";
    EXPECT_THAT(errors(at_server("data_id: cipher-db, kms: { region: cn-hangzhou, ram_role: R }")), IsEmpty());
}

TEST(NacosSource, SaysThatEncryptedConfigurationsNeedKms) {
    EXPECT_THAT(errors(at_server("data_id: cipher-kms-aes-256-db.yaml")),
                ElementsAre(at +
                            "kms: is missing: a data id that begins with cipher- is of a configuration that KMS has "
                            "encrypted"));
    EXPECT_THAT(errors(at_server("data_id: db.yaml, kms: { region: cn-hangzhou }")),
                ElementsAre(at + "kms: applies only with a data id that begins with cipher-"));
}

TEST(NacosSource, ChecksKmsAsWhereSecretsAre) {
    const std::string kms = "data_id: cipher-db, kms: ";
    EXPECT_THAT(errors(at_server(kms + "{}")),
                ElementsAre(at + "kms.region: is missing; it or endpoint says where KMS is"));
    EXPECT_THAT(errors(at_server(kms + "{ endpoint: \"http://kms\" }")),
                ElementsAre(at + "kms.endpoint: expects https: secrets would cross the network in the clear"));
    EXPECT_THAT(errors(at_server(kms + "{ region: x, access_key: { id: A } }")),
                ElementsAre(at + "kms.access_key.secret: is missing"));
    EXPECT_THAT(errors(at_server(kms + "{ region: x, access_key: { file: k }, ram_role: R }")),
                ElementsAre(at + "kms: access_key, ram_role and client_key exclude each other"));
    EXPECT_THAT(errors(at_server(kms + "{ region: x, secret: a }")), ElementsAre(HasSubstr("kms.secret: unknown key")));
}

TEST(NacosSource, NeedsWhatGoesTogether) {
    EXPECT_THAT(errors(at_server("data_id: a, fields: { username: db.user }")),
                ElementsAre(at + "fields.password: is missing; with nacos both are named or none"));
    EXPECT_THAT(errors(at_server("data_id: a, login: { username: rekey }")),
                ElementsAre(at + "login.password: is missing"));
    EXPECT_THAT(errors(at_server("data_id: a, access_key: { id: ak }")),
                ElementsAre(at + "access_key.secret: is missing"));
    EXPECT_THAT(errors(at_server("data_id: a, access_key: { id: \"a k\", secret: { value: x } }")),
                ElementsAre(at + "access_key.id: expects the id of an access key"));
    EXPECT_THAT(errors(at_server("data_id: a, access_key: { file: keys.json }")), IsEmpty());
    EXPECT_THAT(errors(at_server("data_id: a, region: cn-hangzhou")),
                ElementsAre(at + "region: has no effect without access_key, whose signatures it is for"));
    EXPECT_THAT(errors(at_server("data_id: a, access_key: { file: keys.json }, product: mse")),
                ElementsAre(at + "product: has no effect without region"));
    EXPECT_THAT(errors(at_server("data_id: a, access_key: { file: keys.json }, region: \"CN Hangzhou\"")),
                ElementsAre(at + "region: expects a region such as cn-hangzhou"));
    EXPECT_THAT(errors(at_server("data_id: a, key: a.key")),
                ElementsAre(at + "certificate: is missing; certificate and key go together"));
}

TEST(NacosSource, NamesKeysOfOtherSources) {
    EXPECT_THAT(errors(at_server("data_id: a, format: pgpass")),
                ElementsAre(at + "format: expects auto, properties, yaml or json with type: nacos"));
    EXPECT_THAT(errors(at_server("data_id: a, path: x")), ElementsAre(at + "path: applies only with type: file|vault"));
    EXPECT_THAT(errors(at_server("data_id: a, dataId: x")),
                ElementsAre(HasSubstr("dataId: unknown key; did you mean \"data_id\"?")));
}

} // namespace
} // namespace rekey::config
