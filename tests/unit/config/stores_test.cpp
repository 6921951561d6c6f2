// Sources of types http, gcp_secret_manager and azure_key_vault, and what a file may hold: what the file says, what
// comes from the environment, what is refused.
#include "tests/unit/config/fake_inputs.hpp"

namespace rekey::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string at = "/etc/rekey.yaml:3: credentials[main].source.";

std::string with_source(const std::string& rest) {
    return users + upstreams + "credentials: [{ name: main, source: { " + rest + " } }]\n";
}

std::vector<std::string> errors(const std::string& rest, const FakeInputs& inputs = {}) {
    return inputs.errors(with_source(rest));
}

class Stores : public ::testing::Test {
  protected:
    const Credential& load(const std::string& rest) {
        result_ = inputs_.load(with_source(rest));
        EXPECT_THAT(result_.errors, IsEmpty());
        return result_.config->credentials.at(0);
    }
    FakeInputs inputs_;
    LoadResult result_;
};

TEST_F(Stores, HttpTakesWhatTheFileSays) {
    inputs_.files["/etc/token"] = "t";
    const auto& credential =
        load("type: http, url: \"https://login.example.com:8443/v1/db?app=a\", method: POST, body: { value: \"{}\" }, "
             "headers: [{ name: Authorization, prefix: \"Bearer \", value: { file: token } }], ca: ca.crt, "
             "certificate: c.crt, key: c.key, server_name: s, user: app, timeout: 3s, "
             "fields: { username: /u, password: /p, version: /v, expiration: e }");
    EXPECT_EQ(credential.refresh, Duration(30'000));
    EXPECT_EQ(credential.source.timeout, Duration(3'000));
    const auto& http = *credential.source.http;
    EXPECT_EQ(http.url, "https://login.example.com:8443/v1/db?app=a");
    EXPECT_EQ(http.method, "POST");
    EXPECT_EQ(http.body.value.reveal(), "{}");
    ASSERT_EQ(http.headers.size(), 1u);
    EXPECT_EQ(http.headers[0].name, "Authorization");
    EXPECT_EQ(http.headers[0].prefix, "Bearer ");
    EXPECT_EQ(http.headers[0].value.file, "/etc/token");
    EXPECT_EQ(http.ca, "/etc/ca.crt");
    EXPECT_EQ(http.certificate, "/etc/c.crt");
    EXPECT_EQ(http.key, "/etc/c.key");
    EXPECT_EQ(http.server_name, "s");
    EXPECT_EQ(http.shape.username, "/u");
    EXPECT_EQ(http.shape.password, "/p");
    EXPECT_EQ(http.shape.version, "/v");
    EXPECT_EQ(http.shape.expiration, "e");
    EXPECT_EQ(http.shape.user, "app");
}

TEST_F(Stores, HttpNeedsAnAddressItCanTrust) {
    EXPECT_THAT(errors("type: http"), ElementsAre(at + "url: is missing"));
    EXPECT_THAT(errors("type: http, url: \"ftp://x\""), ElementsAre(at + "url: expects https://host/path?query"));
    EXPECT_THAT(errors("type: http, url: \"http://x/y\""),
                ElementsAre(at + "url: expects https: secrets would cross the network in the clear"));
    EXPECT_THAT(errors("type: http, url: \"http://127.0.0.1:1/y\""), IsEmpty());
    EXPECT_THAT(errors("type: http, url: \"https://x/y?a=b#c\""),
                ElementsAre(at + "url: expects https://host/path?query, escaped and without a fragment"));
    EXPECT_THAT(errors("type: http, url: \"https://user:pw@x/\""), ElementsAre(HasSubstr("url: expects")));
}

TEST_F(Stores, HttpRefusesHeadersThatCannotBe) {
    auto header = [](const std::string& rest) {
        return errors("type: http, url: \"https://x/\", headers: [{ " + rest + " }]");
    };
    EXPECT_THAT(header("name: \"A B\", value: { value: x }"),
                ElementsAre(at + "headers[A B].name: is no name of a header"));
    EXPECT_THAT(header("name: HOST, value: { value: x }"),
                ElementsAre(at + "headers[HOST].name: is a header that Rekey sets itself"));
    EXPECT_THAT(header("name: A"), ElementsAre(at + "headers[A].value: is missing"));
    EXPECT_THAT(header("name: A, prefix: \"a\\nb\", value: { value: x }"),
                ElementsAre(at + "headers[A].prefix: expects printable ASCII"));
}

TEST_F(Stores, KeysBelongToTheirType) {
    EXPECT_THAT(errors("type: http, url: \"https://x/\", body: { value: x }"),
                ElementsAre(at + "body: applies only with method: POST"));
    EXPECT_THAT(errors("type: http, url: \"https://x/\", key: k"),
                ElementsAre(at + "certificate: is missing; certificate and key go together"));
    EXPECT_THAT(errors("type: http, url: \"https://x/\", fields: { username: /a~b }"),
                ElementsAre(at + "fields.username: is no JSON pointer: a tilde is written ~0, a slash ~1"));
    EXPECT_THAT(errors("type: gcp_secret_manager, secret: a, project: p, fields: { version: v }"),
                ElementsAre(at + "fields.version: applies only with type: http"));
    EXPECT_THAT(errors("type: vault, address: \"https://v\", path: secret/data/a, auth: { token: { value: t } }, "
                       "fields: { expiration: e }"),
                ElementsAre(at + "fields.expiration: applies only with type: http"));
}

TEST_F(Stores, GcpTakesWhatTheFileSays) {
    const auto& gcp = *load("type: gcp_secret_manager, secret: db, project: \"example.com:p\", location: europe-west1, "
                            "version: \"5\", credentials_file: key.json, ca: ca.crt, user: app")
                           .source.gcp;
    EXPECT_EQ(gcp.secret, "db");
    EXPECT_EQ(gcp.project, "example.com:p");
    EXPECT_EQ(gcp.location, "europe-west1");
    EXPECT_EQ(gcp.version, "5");
    EXPECT_EQ(gcp.credentials_file, "/etc/key.json");
    EXPECT_EQ(gcp.ca, "/etc/ca.crt");
    EXPECT_EQ(gcp.metadata_host, "metadata.google.internal");
    EXPECT_EQ(gcp.shape.user, "app");
    EXPECT_EQ(gcp.endpoint, "");
}

TEST_F(Stores, GcpFallsBackToTheVariablesOfGooglesPrograms) {
    inputs_.variables = {{"GOOGLE_CLOUD_PROJECT", "p"},
                         {"GOOGLE_APPLICATION_CREDENTIALS", "/k.json"},
                         {"GCE_METADATA_HOST", "127.0.0.1:80"}};
    const auto& gcp = *load("type: gcp_secret_manager, secret: db").source.gcp;
    EXPECT_EQ(gcp.project, "p");
    EXPECT_EQ(gcp.credentials_file, "/k.json");
    EXPECT_EQ(gcp.metadata_host, "127.0.0.1:80");
    EXPECT_EQ(gcp.version, "latest");
}

TEST_F(Stores, GcpRefusesNamesThatAreNone) {
    auto expected = at + "secret: expects the name of a secret, or projects/PROJECT/secrets/NAME";
    EXPECT_THAT(errors("type: gcp_secret_manager"), ElementsAre(at + "secret: is missing"));
    for (const char* name : {"\"a b\"", "a/b", "projects/p", "projects/p/secrets/s/versions/1", "projects/p/secrets/",
                             "projects//secrets/s"})
        EXPECT_THAT(errors("type: gcp_secret_manager, secret: " + std::string(name)), ElementsAre(expected)) << name;
    for (const char* name : {"projects/p/secrets/s", "projects/p/locations/l/secrets/s", "a_b-C1"})
        EXPECT_THAT(errors("type: gcp_secret_manager, secret: " + std::string(name)), IsEmpty()) << name;
    EXPECT_THAT(errors("type: gcp_secret_manager, secret: a, version: 1/2, location: \"a b\", project: a/b"),
                UnorderedElementsAre(HasSubstr("project: expects the id"), HasSubstr("location: expects"),
                                     HasSubstr("version: expects a number, an alias or latest")));
    EXPECT_THAT(errors("type: gcp_secret_manager, secret: a, endpoint: \"http://x\""),
                ElementsAre(HasSubstr("endpoint: expects https")));
}

TEST_F(Stores, AzureIsWhoTheVariablesSay) {
    const std::string source = "type: azure_key_vault, address: \"https://v.vault.azure.net/\", secret: db";
    {
        const auto& azure = *load(source).source.azure;
        EXPECT_EQ(azure.address, "https://v.vault.azure.net");
        EXPECT_EQ(azure.identity, AzureIdentity::managed);
        EXPECT_EQ(azure.identity_endpoint, "http://169.254.169.254");
        EXPECT_EQ(azure.authority, "https://login.microsoftonline.com");
    }
    inputs_.variables = {{"AZURE_TENANT_ID", "t-1"},
                         {"AZURE_CLIENT_ID", "c-1"},
                         {"AZURE_FEDERATED_TOKEN_FILE", "/token"},
                         {"AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"}};
    {
        const auto& azure = *load(source).source.azure;
        EXPECT_EQ(azure.identity, AzureIdentity::workload);
        EXPECT_EQ(azure.authority, "https://login.microsoftonline.us");
        EXPECT_EQ(azure.tenant, "t-1");
        EXPECT_EQ(azure.client_id, "c-1");
        EXPECT_EQ(azure.proof.file, "/token");
    }
    {
        const auto& azure = *load(source + ", client_secret: { value: s }, version: a1").source.azure;
        EXPECT_EQ(azure.identity, AzureIdentity::client_secret);
        EXPECT_EQ(azure.proof.value.reveal(), "s");
        EXPECT_EQ(azure.version, "a1");
    }
    EXPECT_EQ(load(source + ", identity: managed").source.azure->identity, AzureIdentity::managed);
    inputs_.variables = {{"IDENTITY_ENDPOINT", "http://localhost:42356/msi/token"}, {"IDENTITY_HEADER", "h"}};
    const auto& azure = *load(source).source.azure;
    EXPECT_EQ(azure.identity_endpoint, "http://localhost:42356/msi/token");
    EXPECT_EQ(azure.identity_header.reveal(), "h");
}

TEST_F(Stores, AzureTellsWhatIsMissing) {
    EXPECT_THAT(errors("type: azure_key_vault, secret: a"),
                ElementsAre(HasSubstr("address: is missing: https://NAME.vault.azure.net")));
    EXPECT_THAT(errors("type: azure_key_vault, address: \"https://v/x\", secret: a_b"),
                UnorderedElementsAre(HasSubstr("address: expects https://NAME.vault.azure.net"),
                                     HasSubstr("secret: expects the name of a secret: letters, digits and hyphens")));
    EXPECT_THAT(errors("type: azure_key_vault, address: \"https://v\", secret: a, identity: workload"),
                UnorderedElementsAre(HasSubstr("tenant: is missing"),
                                     HasSubstr("client_id: is missing, and AZURE_CLIENT_ID"),
                                     HasSubstr("identity: workload needs AZURE_FEDERATED_TOKEN_FILE")));
    EXPECT_THAT(errors("type: azure_key_vault, address: \"https://v\", secret: a, identity: client_secret, tenant: t, "
                       "client_id: c"),
                ElementsAre(HasSubstr("client_secret: is missing, and AZURE_CLIENT_SECRET is not set")));
}

TEST_F(Stores, AFileIsWhatItsFormatSays) {
    EXPECT_EQ(load("type: file, path: a").source.format, DocumentFormat::automatic);
    EXPECT_EQ(load("type: file, path: a, format: my_cnf").source.format, DocumentFormat::my_cnf);
    const auto& source = load("type: file, path: a, format: pgpass, user: app").source;
    EXPECT_EQ(source.format, DocumentFormat::pgpass);
    EXPECT_EQ(source.user, "app");
    EXPECT_EQ(source.passfile.host, "db") << "of the upstream";
    EXPECT_EQ(source.passfile.port, "5432");
    EXPECT_EQ(source.passfile.database, "");
    EXPECT_THAT(errors("type: file, path: a, format: yaml"),
                ElementsAre(at + "format: expects auto, password, pgpass or my_cnf with type: file"));
    EXPECT_THAT(errors("type: file, path: a, format: password"),
                ElementsAre(at + "user: is missing; format password needs one"));
    EXPECT_THAT(errors("type: env, username: A, password: B, user: x"), ElementsAre(HasSubstr("user: applies only")));
}

TEST_F(Stores, AFileMayStandInADirectoryThatAVariableNames) {
    inputs_.variables["CREDENTIALS_DIRECTORY"] = "/run/credentials/rekey.service";
    EXPECT_EQ(load("type: file, path: \"${CREDENTIALS_DIRECTORY}/orders\"").source.path,
              "/run/credentials/rekey.service/orders");
}

} // namespace
} // namespace rekey::config
