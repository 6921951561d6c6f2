// The Vault source: what it reads, and a store that fails.
#include "tests/unit/rotation/source_vault_fixture.hpp"

namespace rekey::rotation::vault_test {
namespace {

TEST_F(VaultSource, ReadsAKvSecretOfVersion2) {
    set("GET /v1/secret/data/app", {200, kv2});
    vault_.name_space = "ns1";
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_THAT(result.credential->version, testing::MatchesRegex("7-[0-9a-f]+"));
    EXPECT_FALSE(result.credential->look_again);
    EXPECT_EQ(last_token("secret/data/app"), "s.root");
    for (const auto& seen : server_.requests()) {
        EXPECT_FALSE(seen.malformed);
        EXPECT_EQ(seen.header("x-vault-namespace"), "ns1");
    }
    EXPECT_EQ(source_->type(), "vault");
    EXPECT_EQ(source_->rotates(), Rotates::no);
}

TEST_F(VaultSource, ReadsAKvSecretOfVersion1WithOtherNames) {
    vault_.path = "secret/app";
    vault_.engine = VaultEngine::kv_v1;
    vault_.username_field = "user";
    vault_.password_field = "pass";
    set("GET /v1/secret/app", {200, R"({"lease_duration":2764800,"data":{"user":"app","pass":"p\u00e4ss","x":1}})"});
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->password.reveal(), "p\xc3\xa4ss");
    EXPECT_EQ(result.credential->version.size(), 16u) << "a hash of the content";
    EXPECT_EQ(fetch().credential->version, result.credential->version);
}

TEST_F(VaultSource, TellsVersionsApartThatAnEmptiedStoreNumbersAlike) {
    set("GET /v1/secret/data/app", {200, kv2});
    auto first = fetch().credential->version;
    set("GET /v1/secret/data/app",
        {200, R"({"data":{"data":{"username":"app","password":"other"},"metadata":{"version":7}}})"});
    EXPECT_NE(fetch().credential->version, first);
}

TEST_F(VaultSource, TellsWhatIsWrongWithAnAnswer) {
    set("GET /v1/secret/data/app", {200, R"({"data":{"username":"app","password":"s3cret"}})"});
    EXPECT_EQ(fetch().error, "vault: secret/data/app: the answer is not that of a KV store of version 2 (engine: kv_v1 "
                             "is the other)");
    set("GET /v1/secret/data/app", {200, R"({"data":{"data":{"username":"app"},"metadata":{"version":1}}})"});
    EXPECT_THAT(fetch().error, HasSubstr("\"password\" is missing, empty or no text"));
    set("GET /v1/secret/data/app",
        {200, R"({"data":{"data":{"username":"app","password":"s3\u0000cret"},"metadata":{"version":1}}})"});
    EXPECT_THAT(fetch().error, HasSubstr("the password holds a NUL byte"));
    set("GET /v1/secret/data/app", {200, "<html>"});
    EXPECT_THAT(fetch().error, HasSubstr("no JSON object"));
}

TEST_F(VaultSource, NamesStorePathStatusAndReason) {
    EXPECT_EQ(fetch().error,
              "vault: GET " + server_.url() + "/v1/secret/data/app: status 404: there is nothing at this path");
    set("GET /v1/secret/data/app",
        {404, R"({"data":{"data":null,"metadata":{"deletion_time":"2024-01-01T00:00:00Z","version":3}}})"});
    EXPECT_THAT(fetch().error, HasSubstr("the secret's latest version is deleted"));
    set("GET /v1/secret/data/app", {400, R"({"errors":["unknown role: app","password=s3cret"]})"});
    EXPECT_THAT(fetch().error, AllOf(HasSubstr("status 400"), HasSubstr("unknown role: app")));
    set("GET /v1/secret/data/app", {501, "{}"});
    EXPECT_THAT(fetch().error, HasSubstr("it is not initialised"));
}

TEST_F(VaultSource, ReadsAStaticRoleAndComesBackWhenItRotates) {
    vault_.path = "database/static-creds/app";
    vault_.engine = VaultEngine::static_role;
    auto role = [](const std::string& rest) {
        return Reply{200, R"({"lease_id":"","data":{"username":"app","password":"s3cret",)" + rest + "}}"};
    };
    set("GET /v1/database/static-creds/app", role(R"("last_vault_rotation":"2024-05-06T15:26:42.5Z","ttl":100)"));
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_THAT(result.credential->version, StartsWith("2024-05-06T15:26:42.5Z-"));
    EXPECT_THAT(result.credential->look_again, testing::Optional(AllOf(Ge(seconds(101)), Le(seconds(107)))));
    EXPECT_FALSE(result.credential->not_after) << "sessions outlive the rotation";
    set("GET /v1/database/static-creds/app", role(R"("last_openbao_rotation":"2024-05-07T00:00:00Z","ttl":0)"));
    result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_THAT(result.credential->version, StartsWith("2024-05-07T00:00:00Z-"));
    EXPECT_THAT(result.credential->look_again, testing::Optional(AllOf(Ge(seconds(2)), Le(seconds(5)))));
}

TEST_F(VaultSource, TriggersTheRotationOfAStaticRoleOnce) {
    vault_.path = "database/static-creds/app";
    vault_.engine = VaultEngine::static_role;
    make();
    EXPECT_EQ(source_->rotates(), Rotates::at_once);
    auto rotate = [&] {
        std::string error = "not called";
        source_->rotate([&](std::string said) { error = std::move(said); });
        environment_.run_ready();
        return error;
    };
    set("POST /v1/database/rotate-role/app", {204, ""});
    EXPECT_EQ(rotate(), "");
    EXPECT_EQ(count("POST", "database/rotate-role/app"), 1u);
    set("POST /v1/database/rotate-role/app", {403, denied});
    EXPECT_THAT(rotate(), AllOf(HasSubstr("rotate-role/app: status 403"), HasSubstr("permission denied")));
}

TEST_F(VaultSource, SparesAStoreThatFails) {
    use_approle();
    ASSERT_TRUE(fetch().credential);
    set("GET /v1/secret/data/app", {503, R"({"errors":["Vault is sealed"]})"});
    for (int i = 0; i < 4; ++i)
        EXPECT_THAT(fetch().error, HasSubstr("status 503: it is sealed or in maintenance (Vault is sealed)"));
    auto asked = server_.requests().size();
    EXPECT_THAT(fetch().error, HasSubstr("status 503")) << "what was wrong is said again, and nobody is asked";
    EXPECT_EQ(server_.requests().size(), asked);
    environment_.advance(seconds(3));
    EXPECT_THAT(fetch().error, HasSubstr("status 503"));
    EXPECT_GT(server_.requests().size(), asked) << "one probe";
    set("GET /v1/secret/data/app", {200, kv2});
    environment_.advance(seconds(60));
    EXPECT_TRUE(fetch().credential);
    EXPECT_TRUE(fetch().credential);
}

TEST_F(VaultSource, DoesNotSpareAStoreThatOnlyRefuses) {
    set("GET /v1/secret/data/app", {403, denied});
    for (int i = 0; i < 10; ++i)
        fetch();
    set("GET /v1/secret/data/app", {200, kv2});
    EXPECT_TRUE(fetch().credential);
}

TEST_F(VaultSource, CallsNobodyBackAfterItsEnd) {
    set("GET /v1/secret/data/app", {200, kv2});
    make();
    bool called = false;
    source_->fetch([&](FetchResult) { called = true; });
    source_.reset();
    environment_.run_ready();
    EXPECT_FALSE(called);
}

TEST(VaultApi, ReadsNothingIntoHalfAnAnswer) {
    const auto whole = login_answer("s.token", 60);
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        EXPECT_FALSE(parse_vault_auth(std::string_view(whole).substr(0, cut))) << cut;
    EXPECT_FALSE(parse_vault_auth(R"({"auth":null})"));
    EXPECT_FALSE(parse_vault_auth(R"({"auth":{"client_token":5}})"));
    EXPECT_FALSE(parse_vault_token(R"({"data":null})"));
    EXPECT_EQ(parse_vault_token(R"({"data":{"ttl":-5}})")->ttl, seconds(0));
    EXPECT_GT(parse_vault_token(R"({"data":{"ttl":18446744073709551615}})")->ttl, seconds(0));
}

TEST(VaultApi, EscapesWhatItSends) {
    EXPECT_EQ(vault_body({{"a", "x\"y\\"}, {"b", ""}, {"c", "z"}}).reveal(), R"({"a":"x\"y\\","c":"z"})");
}

} // namespace
} // namespace rekey::rotation::vault_test
