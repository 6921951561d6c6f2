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
        "server_name: nacos, timeout: 3s, login: { username: rekey, password: { file: /run/password } }, signature: { "
        "access_key: ak, secret_key: { file: /run/sk }, security_token: { file: /run/sts }, region: cn-hangzhou }"));
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
    EXPECT_EQ(nacos.access_key, "ak");
    EXPECT_EQ(nacos.secret_key.file, "/run/sk");
    EXPECT_EQ(nacos.security_token.file, "/run/sts");
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
    EXPECT_EQ(nacos.access_key, "");
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

TEST(NacosSource, SaysThatEncryptedConfigurationsNeedKms) {
    EXPECT_THAT(errors(at_server("data_id: cipher-kms-aes-256-db.yaml")),
                ElementsAre(at + "data_id: begins with cipher-: such a configuration is encrypted by KMS, which is not "
                                 "supported by this version"));
}

TEST(NacosSource, NeedsWhatGoesTogether) {
    EXPECT_THAT(errors(at_server("data_id: a, fields: { username: db.user }")),
                ElementsAre(at + "fields.password: is missing; with nacos both are named or none"));
    EXPECT_THAT(errors(at_server("data_id: a, login: { username: rekey }")),
                ElementsAre(at + "login.password: is missing"));
    EXPECT_THAT(errors(at_server("data_id: a, signature: { access_key: ak }")),
                ElementsAre(at + "signature.secret_key: is missing"));
    EXPECT_THAT(errors(at_server("data_id: a, signature: { access_key: \"a k\", secret_key: { value: x } }")),
                ElementsAre(at + "signature.access_key: holds blanks or characters that no key has"));
    EXPECT_THAT(errors(at_server("data_id: a, key: a.key")),
                ElementsAre(at + "certificate: is missing; certificate and key go together"));
}

TEST(NacosSource, NamesKeysOfOtherSources) {
    EXPECT_THAT(errors(at_server("data_id: a, path: x")), ElementsAre(at + "path: applies only with type: file|vault"));
    EXPECT_THAT(errors(at_server("data_id: a, dataId: x")),
                ElementsAre(HasSubstr("dataId: unknown key; did you mean \"data_id\"?")));
}

} // namespace
} // namespace rekey::config
