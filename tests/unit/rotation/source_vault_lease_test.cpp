// The Vault source: accounts with leases.
#include "tests/unit/rotation/source_vault_fixture.hpp"

namespace rekey::rotation::vault_test {
namespace {

TEST_F(VaultSource, MakesAnAccountThatLivesAsLongAsItsLease) {
    use_dynamic(30);
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_TRUE(source_->leases());
    EXPECT_EQ(source_->rotates(), Rotates::no);
    EXPECT_EQ(result.credential->username, "v-app-1");
    EXPECT_EQ(result.credential->version, "database/creds/app/1");
    ASSERT_TRUE(result.credential->lease);
    EXPECT_EQ(result.credential->lease->life, seconds(30));
    EXPECT_TRUE(result.credential->lease->renewable);
    set("GET /v1/database/creds/app", {200, R"({"data":{"username":"v-app-2","password":"s3cret"}})"});
    EXPECT_THAT(fetch().error, HasSubstr("the answer holds no lease"));
}

TEST_F(VaultSource, KnowsThatALeaseEndsWithTheTokenThatMadeIt) {
    use_approle();
    set("POST /v1/auth/approle/login", {200, login_answer("s.first", 100)});
    set("POST /v1/auth/token/renew-self", {200, login_answer("s.first", 100)});
    use_dynamic(3600);
    EXPECT_EQ(fetch().credential->lease->life, seconds(100));
    set("POST /v1/sys/leases/renew", {200, R"({"lease_id":"database/creds/app/1","lease_duration":3600})"});
    environment_.advance(seconds(50));
    EXPECT_EQ(renew("database/creds/app/1").lease.life, seconds(100)) << "the token is renewed with it";
    set("POST /v1/auth/token/renew-self", {200, login_answer("s.first", 40)});
    environment_.advance(seconds(60));
    EXPECT_EQ(renew("database/creds/app/1").lease.life, seconds(40)) << "the token has met its longest life";
    EXPECT_EQ(count("POST", "auth/approle/login"), 1u);
    set("POST /v1/auth/approle/login", {200, login_answer("s.second", 100)});
    EXPECT_EQ(fetch().credential->lease->life, seconds(100)) << "what is new is made with another token";
    EXPECT_EQ(last_token("database/creds/app"), "s.second");
}

TEST_F(VaultSource, TellsALeaseThatIsGoneFromAStoreThatDoesNotAnswer) {
    use_dynamic(30);
    make();
    set("POST /v1/sys/leases/renew", {400, R"({"errors":["lease not found"]})"});
    auto renewal = renew("database/creds/app/1");
    EXPECT_TRUE(renewal.gone);
    EXPECT_THAT(renewal.error, HasSubstr("lease not found"));
    set("POST /v1/sys/leases/renew", {503, R"({"errors":["Vault is sealed"]})"});
    renewal = renew("database/creds/app/1");
    EXPECT_FALSE(renewal.gone);
    EXPECT_THAT(renewal.error, HasSubstr("sealed"));
}

TEST_F(VaultSource, RevokesALeaseAndTakesAnUnknownOneForRevoked) {
    use_dynamic(30);
    make();
    auto revoke = [&] {
        std::string error = "not called";
        source_->revoke("database/creds/app/1", [&](std::string said) { error = std::move(said); });
        environment_.run_ready();
        return error;
    };
    set("POST /v1/sys/leases/revoke", {204, ""});
    EXPECT_EQ(revoke(), "");
    EXPECT_EQ(server_.requests().back().body, R"({"lease_id":"database/creds/app/1","sync":"true"})");
    set("POST /v1/sys/leases/revoke", {400, R"({"errors":["invalid lease"]})"});
    EXPECT_EQ(revoke(), "");
    set("POST /v1/sys/leases/revoke", {403, denied});
    EXPECT_THAT(revoke(), HasSubstr("permission denied"));
}

} // namespace
} // namespace rekey::rotation::vault_test
