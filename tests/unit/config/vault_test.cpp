// Sources of type vault: what the file says, what comes from the environment, what is refused.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

const std::string at = "/etc/rekey.yaml:3: credentials[main].source.";
const std::string token = "auth: { token: { value: s.token } }";

std::string with_source(const std::string& rest) {
    return users + upstreams + "credentials: [{ name: main, source: { type: vault, " + rest + " } }]\n";
}

std::vector<std::string> errors(const std::string& rest, const FakeInputs& inputs = {}) {
    return inputs.errors(with_source(rest));
}

std::string at_store(const std::string& rest) {
    return "address: \"https://vault:8200\", " + rest;
}

TEST(VaultSource, TakesWhatTheFileSays) {
    FakeInputs inputs;
    inputs.files["/run/secret-id"] = "x";
    auto result = inputs.load(with_source(
        at_store("path: /v1/team/database/static-creds/app, namespace: ns1/ns2/, ca: ca.crt, server_name: store, "
                 "timeout: 3s, auth: { method: approle, mount: team/approle, role_id: r, secret_id: { file: "
                 "/run/secret-id }, wrapped: true, role: app }")));
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& credential = result.config->credentials[0];
    EXPECT_EQ(credential.refresh, Duration(30'000));
    EXPECT_EQ(credential.source.timeout, Duration(3'000));
    const auto& vault = *credential.source.vault;
    EXPECT_EQ(vault.address, "https://vault:8200");
    EXPECT_EQ(vault.path, "team/database/static-creds/app");
    EXPECT_EQ(vault.engine, VaultEngine::static_role);
    EXPECT_EQ(vault.name_space, "ns1/ns2");
    EXPECT_EQ(vault.ca, "/etc/ca.crt");
    EXPECT_EQ(vault.server_name, "store");
    EXPECT_EQ(vault.method, VaultMethod::approle);
    EXPECT_EQ(vault.mount, "team/approle");
    EXPECT_EQ(vault.role_id, "r");
    EXPECT_EQ(vault.secret.file, "/run/secret-id");
    EXPECT_TRUE(vault.secret.value.empty());
    EXPECT_TRUE(vault.wrapped);
}

TEST(VaultSource, TellsTheEngineByThePath) {
    auto engine = [](const std::string& rest) {
        auto result = FakeInputs().load(with_source(at_store(token + ", " + rest)));
        EXPECT_THAT(result.errors, IsEmpty());
        return result.ok() ? result.config->credentials[0].source.vault->engine : VaultEngine::automatic;
    };
    EXPECT_EQ(engine("path: secret/data/app"), VaultEngine::kv_v2);
    EXPECT_EQ(engine("path: secret/app"), VaultEngine::kv_v1);
    EXPECT_EQ(engine("path: database/static-creds/app"), VaultEngine::static_role);
    EXPECT_EQ(engine("path: kv/data/app, engine: kv_v1"), VaultEngine::kv_v1);
    EXPECT_EQ(engine("path: database/creds/app"), VaultEngine::dynamic);
}

TEST(VaultSource, FallsBackToTheEnvironmentOfItsPrograms) {
    FakeInputs inputs;
    inputs.variables = {{"VAULT_ADDR", "https://one:1"},   {"BAO_ADDR", "https://two:2"}, {"VAULT_TOKEN", "s.env"},
                        {"VAULT_NAMESPACE", "ns/"},        {"VAULT_CACERT", "/a"},        {"BAO_CAPATH", "/b"},
                        {"VAULT_TLS_SERVER_NAME", "name"}, {"VAULT_CLIENT_CERT", "/c"},   {"VAULT_CLIENT_KEY", "/d"}};
    auto result = inputs.load(with_source("path: secret/data/app"));
    ASSERT_THAT(result.errors, IsEmpty());
    const auto& vault = *result.config->credentials[0].source.vault;
    EXPECT_EQ(vault.address, "https://two:2");
    EXPECT_EQ(vault.secret.value.reveal(), "s.env");
    EXPECT_EQ(vault.name_space, "ns");
    EXPECT_EQ(vault.ca, "/a");
    EXPECT_EQ(vault.ca_directory, "/b");
    EXPECT_EQ(vault.server_name, "name");
    EXPECT_EQ(vault.certificate, "/c");
    EXPECT_EQ(vault.key, "/d");
}

TEST(VaultSource, SaysThatVerifyingCannotBeTurnedOff) {
    FakeInputs inputs;
    inputs.variables = {{"VAULT_SKIP_VERIFY", "true"}};
    EXPECT_THAT(inputs.warnings(with_source(at_store("path: secret/data/app, " + token))),
                ElementsAre(HasSubstr("VAULT_SKIP_VERIFY has no effect")));
}

TEST(VaultSource, NeedsAnAddressItCanTrust) {
    EXPECT_THAT(errors("path: secret/data/app, " + token),
                ElementsAre(at + "address: is missing, and neither BAO_ADDR nor VAULT_ADDR is set"));
    EXPECT_THAT(errors("address: vault:8200, path: secret/data/app, " + token),
                ElementsAre(at + "address: expects https://host:port"));
    EXPECT_THAT(errors("address: \"http://vault:8200\", path: secret/data/app, " + token),
                ElementsAre(at + "address: expects https: secrets would cross the network in the clear"));
    EXPECT_THAT(errors("address: \"http://127.0.0.1:8200\", path: secret/data/app, " + token), IsEmpty());
}

TEST(VaultSource, NeedsAPathOfAnEngineItKnows) {
    EXPECT_THAT(errors(at_store(token)), ElementsAre(at + "path: is missing"));
    EXPECT_THAT(errors(at_store("path: a/../b, " + token)), ElementsAre(HasSubstr("expects an API path such as")));
    EXPECT_THAT(errors(at_store("path: database/app, engine: dynamic, " + token)),
                ElementsAre(at + "path: expects MOUNT/creds/NAME for engine dynamic"));
    EXPECT_THAT(errors(at_store("path: secret/app, engine: kv_v2, " + token)),
                ElementsAre(at + "path: expects MOUNT/data/NAME for engine kv_v2"));
    EXPECT_THAT(errors(at_store("path: database/roles/app, engine: static, " + token)),
                ElementsAre(at + "path: expects MOUNT/static-creds/NAME for engine static"));
}

TEST(VaultSource, NeedsWhatItsLoginMethodNeeds) {
    auto login = [](const std::string& rest) {
        return errors(at_store("path: secret/data/app, auth: { " + rest + " }"));
    };
    EXPECT_THAT(errors(at_store("path: secret/data/app")),
                ElementsAre(at + "auth.token: is missing, and neither BAO_TOKEN nor VAULT_TOKEN is set"));
    EXPECT_THAT(login("method: approle"), ElementsAre(at + "auth.role_id: is missing"));
    EXPECT_THAT(login("method: approle, role_id: r"), IsEmpty());
    EXPECT_THAT(login("method: approle, role_id: r, wrapped: true"),
                ElementsAre(at + "auth.secret_id: is missing; wrapped needs one"));
    EXPECT_THAT(login("method: kubernetes"), ElementsAre(at + "auth.role: is missing; kubernetes needs one"));
    EXPECT_THAT(login("method: kubernetes, role: r"), IsEmpty());
    EXPECT_THAT(login("method: jwt"), ElementsAre(at + "auth.jwt: is missing"));
    EXPECT_THAT(login("method: userpass"),
                ElementsAre(at + "auth.username: is missing", at + "auth.password: is missing"));
    EXPECT_THAT(login("method: cert"), ElementsAre(at + "auth.method: cert needs the source's certificate and key"));
    EXPECT_THAT(login("method: cert, token: { value: x }"),
                testing::Contains(at + "auth.token: applies only with method: token"));
    EXPECT_THAT(errors(at_store("path: secret/data/app, certificate: a.crt, " + token)),
                ElementsAre(at + "key: is missing; certificate and key go together"));
}

TEST(VaultSource, IsRotatedByItsStoreOnly) {
    EXPECT_THAT(FakeInputs().errors(users + upstreams + "credentials: [{ name: main, source: { type: vault, " +
                                    at_store("path: secret/data/app, " + token) +
                                    " }, rotation: { strategy: single_user } }]\n"),
                ElementsAre(HasSubstr("needs a source of type local")));
}

TEST(VaultSource, WarnsOfASecretThatIsNotThereYet) {
    auto text = with_source(at_store("path: secret/data/app, auth: { token: { file: /run/token } }"));
    EXPECT_THAT(FakeInputs().warnings(text),
                ElementsAre(HasSubstr("cannot read /run/token now: No such file or directory")));
}

} // namespace
} // namespace rekey::config
