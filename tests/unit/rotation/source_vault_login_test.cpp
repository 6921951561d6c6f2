// The Vault source: its login and its token.
#include "tests/unit/rotation/source_vault_fixture.hpp"

namespace rekey::rotation::vault_test {
namespace {

TEST_F(VaultSource, LogsInAndKeepsItsToken) {
    use_approle();
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(count("POST", "auth/approle/login"), 1u);
    EXPECT_EQ(server_.requests().at(0).body, R"({"role_id":"role-1","secret_id":"secret-1"})");
    EXPECT_EQ(server_.requests().at(0).header("x-vault-token"), "");
    EXPECT_EQ(last_token("secret/data/app"), "s.first");
}

TEST_F(VaultSource, LogsInOnceMoreWhenItsTokenHasDied) {
    use_approle();
    ASSERT_TRUE(fetch().credential);
    kill_token("s.first");
    set("POST /v1/auth/approle/login", {200, login_answer("s.second", 3600)});
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(last_token("secret/data/app"), "s.second");
    EXPECT_EQ(count("POST", "auth/approle/login"), 2u);
    kill_token("s.second"); // and the next one is no better
    EXPECT_THAT(fetch().error, HasSubstr("status 403"));
    EXPECT_EQ(count("POST", "auth/approle/login"), 3u) << "once for each look, never a loop";
}

TEST_F(VaultSource, MakesNoNewTokenForWantOfPermission) {
    use_approle();
    set("GET /v1/secret/data/app", {403, denied});
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(fetch().error, HasSubstr("permission denied"));
    EXPECT_EQ(count("POST", "auth/approle/login"), 1u);
}

TEST_F(VaultSource, RenewsItsTokenAtTwoThirdsOfItsLife) {
    use_approle();
    auto result = fetch();
    EXPECT_EQ(result.credential->look_again, seconds(2400)) << "even if nothing else wants a look";
    set("POST /v1/auth/token/renew-self", {200, login_answer("s.first", 3600)});
    environment_.advance(seconds(2399));
    fetch();
    EXPECT_EQ(count("POST", "auth/token/renew-self"), 0u);
    environment_.advance(seconds(1));
    EXPECT_EQ(fetch().credential->look_again, seconds(2400));
    EXPECT_EQ(count("POST", "auth/token/renew-self"), 1u);
    EXPECT_EQ(last_token("auth/token/renew-self"), "s.first");
}

TEST_F(VaultSource, LogsInAnewWhereARenewalIsCapped) {
    use_approle();
    fetch();
    set("POST /v1/auth/token/renew-self", {200, login_answer("s.first", 1300)});
    environment_.advance(seconds(2400));
    EXPECT_FALSE(fetch().credential->look_again) << "renewable still, but of no use";
    environment_.advance(seconds(1200));
    fetch();
    EXPECT_EQ(count("POST", "auth/token/renew-self"), 1u);
    EXPECT_EQ(count("POST", "auth/approle/login"), 1u);
    environment_.advance(seconds(100));
    fetch();
    EXPECT_EQ(count("POST", "auth/approle/login"), 2u);
}

TEST_F(VaultSource, ServesOnWhenARenewalFails) {
    use_approle();
    fetch();
    set("POST /v1/auth/token/renew-self", {400, R"({"errors":["lease is not renewable"]})"});
    environment_.advance(seconds(2400));
    EXPECT_TRUE(fetch().credential);
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(count("POST", "auth/token/renew-self"), 1u) << "not with every look";
}

TEST_F(VaultSource, RefusesTokensThatMayBeUsedSomeTimesOnly) {
    set("GET /v1/auth/token/lookup-self", {200, R"({"data":{"ttl":60,"num_uses":5}})"});
    EXPECT_THAT(fetch().error, HasSubstr("limited number of times"));
    EXPECT_EQ(count("GET", "secret/data/app"), 0u);
}

TEST_F(VaultSource, RefusesARoleWhoseTokensMayBeUsedSomeTimesOnly) {
    use_approle();
    set("POST /v1/auth/approle/login", {200, login_answer("s.first", 60, R"(,"num_uses":3)")});
    EXPECT_THAT(fetch().error, HasSubstr("token_num_uses"));
}

TEST_F(VaultSource, TakesATokenThatMayNotLookItselfUp) {
    set("GET /v1/auth/token/lookup-self", {403, denied});
    set("GET /v1/secret/data/app", {200, kv2});
    EXPECT_TRUE(fetch().credential);
}

TEST_F(VaultSource, ReadsItsTokenFileAgainWhenTheStoreRefusesIt) {
    tests::write_text(directory_ / "token", "s.one\n");
    vault_.secret = {directory_ / "token", {}};
    set("GET /v1/secret/data/app", {200, kv2});
    ASSERT_TRUE(fetch().credential);
    kill_token("s.one");
    EXPECT_THAT(fetch().error, HasSubstr("status 403"));
    tests::write_text(directory_ / "token", "s.two\n");
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(last_token("secret/data/app"), "s.two");
}

TEST_F(VaultSource, NamesASecretFileThatIsMissing) {
    vault_.secret = {directory_ / "token", {}};
    EXPECT_EQ(fetch().error, "vault: cannot read " + directory_ / "token" + ": No such file or directory");
    EXPECT_TRUE(server_.requests().empty());
}

TEST_F(VaultSource, ReadsAProjectedTokenForEveryLogin) {
    use_approle();
    vault_.method = VaultMethod::kubernetes;
    vault_.mount = "k8s/prod";
    vault_.role = "orders";
    tests::write_text(directory_ / "jwt", "first.jwt");
    vault_.secret = {directory_ / "jwt", {}};
    set("POST /v1/auth/k8s/prod/login", {200, login_answer("s.first", 60)});
    ASSERT_TRUE(fetch().credential);
    tests::write_text(directory_ / "jwt", "second.jwt");
    environment_.advance(seconds(60));
    ASSERT_TRUE(fetch().credential);
    std::vector<std::string> bodies;
    for (const auto& seen : server_.requests())
        if (seen.target == "/v1/auth/k8s/prod/login")
            bodies.push_back(seen.body);
    EXPECT_THAT(bodies, testing::ElementsAre(R"({"role":"orders","jwt":"first.jwt"})",
                                             R"({"role":"orders","jwt":"second.jwt"})"));
}

TEST_F(VaultSource, LogsInWithAUsersPassword) {
    use_approle();
    vault_.method = VaultMethod::userpass;
    vault_.mount = "userpass";
    vault_.username = "rekey";
    set("POST /v1/auth/userpass/login/rekey", {200, login_answer("s.first", 60)});
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(server_.requests().at(0).body, R"({"password":"secret-1"})");
}

class WrappedSecretId : public VaultSource {
  protected:
    WrappedSecretId() {
        use_approle();
        vault_.wrapped = true;
        vault_.role = "orders";
        vault_.secret.value = protocol::Secret("s.wrapping");
        set("POST /v1/sys/wrapping/lookup",
            {200, R"({"data":{"creation_path":"auth/approle/role/orders/secret-id"}})"});
        set("POST /v1/sys/wrapping/unwrap", {200, R"({"data":{"secret_id":"unwrapped-1","secret_id_accessor":"x"}})"});
    }
};

TEST_F(WrappedSecretId, IsUnwrappedOnceAndKeptForLaterLogins) {
    ASSERT_TRUE(fetch().credential);
    set("POST /v1/sys/wrapping/lookup", {400, R"({"errors":["wrapping token is not valid or does not exist"]})"});
    environment_.advance(seconds(3600));
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(count("POST", "auth/approle/login"), 2u);
    EXPECT_EQ(count("POST", "sys/wrapping/unwrap"), 1u);
    auto requests = server_.requests();
    EXPECT_EQ(requests.at(0).body, R"({"token":"s.wrapping"})");
    EXPECT_EQ(requests.at(0).header("x-vault-token"), "");
    EXPECT_EQ(requests.at(1).target, "/v1/sys/wrapping/unwrap");
    EXPECT_EQ(requests.at(1).body, "") << "given twice, the token would be used twice";
    EXPECT_EQ(requests.at(1).header("x-vault-token"), "s.wrapping");
    EXPECT_EQ(requests.at(2).body, R"({"role_id":"role-1","secret_id":"unwrapped-1"})");
}

TEST_F(WrappedSecretId, IsNotTakenFromElsewhere) {
    for (auto path : {"secret/data/planted", "auth/approle/role/other/secret-id",
                      "auth/approle/role/orders/x/secret-id", "sys/wrapping/wrap", ""}) {
        set("POST /v1/sys/wrapping/lookup", {200, R"({"data":{"creation_path":")" + std::string(path) + "\"}}"});
        EXPECT_THAT(fetch().error, HasSubstr("was not made for the secret id of this role")) << path;
    }
    EXPECT_EQ(count("POST", "sys/wrapping/unwrap"), 0u);
}

TEST_F(WrappedSecretId, ThatSomebodyElseHasUnwrappedIsAnAlarm) {
    set("POST /v1/sys/wrapping/lookup", {400, R"({"errors":["wrapping token is not valid or does not exist"]})"});
    EXPECT_THAT(fetch().error, HasSubstr("somebody else has unwrapped the secret id"));
    EXPECT_EQ(count("POST", "auth/approle/login"), 0u);
}

} // namespace
} // namespace rekey::rotation::vault_test
