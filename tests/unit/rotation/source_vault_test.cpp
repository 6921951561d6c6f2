// The Vault source against a little store that answers as the real one does.
#include "rotation/sources/sources.hpp"
#include "rotation/sources/vault_api.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation {
namespace {

using config::VaultEngine;
using config::VaultMethod;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::Not;
using testing::StartsWith;
using tests::Answer;
using tests::SeenRequest;

const std::string kv2 = R"({"data":{"data":{"username":"app","password":"s3cret-Passw0rd"},"metadata":{"version":7}}})";
const std::string denied = R"({"errors":["1 error occurred:\n\t* permission denied\n\n"]})";

std::string login_answer(const std::string& token, int ttl, const std::string& more = {}) {
    return R"({"auth":{"client_token":")" + token + R"(","lease_duration":)" + std::to_string(ttl) +
           R"(,"renewable":true)" + more + "}}";
}

class VaultSource : public ::testing::Test {
  protected:
    VaultSource() {
        vault_.path = "secret/data/app";
        vault_.username_field = "username";
        vault_.password_field = "password";
        vault_.mount = "approle";
        vault_.secret.value = protocol::Secret("s.root");
        answers_["GET /v1/auth/token/lookup-self"] = {200, R"({"data":{"ttl":0,"renewable":false}})"};
    }

    // The source is made with the first fetch.
    FetchResult fetch() {
        make();
        FetchResult result;
        bool done = false;
        source_->fetch([&](FetchResult fetched) {
            result = std::move(fetched);
            done = true;
        });
        environment_.run_ready();
        EXPECT_TRUE(done);
        EXPECT_NE(result.credential.has_value(), !result.error.empty());
        EXPECT_THAT(result.error, Not(HasSubstr("s3cret")));
        EXPECT_THAT(result.error, Not(HasSubstr("s.root")));
        return result;
    }

    void make() {
        if (source_)
            return;
        config::Source source;
        source.type = config::SourceType::vault;
        source.timeout = milliseconds(20'000);
        vault_.address = server_.url();
        source.vault = std::make_shared<config::Vault>(std::move(vault_));
        http::RetryPolicy retry;
        retry.least = retry.most = milliseconds(1);
        source_ = make_vault_source(source, environment_, protocol::Secret("key"), retry);
    }

    void use_approle() {
        vault_.method = VaultMethod::approle;
        vault_.role_id = "role-1";
        vault_.secret.value = protocol::Secret("secret-1");
        answers_["POST /v1/auth/approle/login"] = {200, login_answer("s.first", 3600)};
        answers_["GET /v1/secret/data/app"] = {200, kv2};
    }

    void use_dynamic(int life) {
        vault_.path = "database/creds/app";
        vault_.engine = VaultEngine::dynamic;
        answers_["GET /v1/database/creds/app"] = {
            200, R"({"lease_id":"database/creds/app/1","lease_duration":)" + std::to_string(life) +
                     R"(,"renewable":true,"data":{"username":"v-app-1","password":"s3cret"}})"};
    }

    Renewal renew(const std::string& lease) {
        std::optional<Renewal> result;
        source_->renew(lease, [&](Renewal renewal) { result = std::move(renewal); });
        environment_.run_ready();
        EXPECT_TRUE(result);
        return result.value_or(Renewal());
    }

    std::size_t count(const std::string& method, const std::string& path) {
        return server_.count(method, "/v1/" + path);
    }
    std::string last_token(const std::string& path) {
        std::string token;
        for (const auto& seen : server_.requests())
            if (seen.target == "/v1/" + path)
                token = seen.header("x-vault-token");
        return token;
    }

    using Reply = std::pair<int, std::string>;
    Answer answer(const SeenRequest& request) {
        if (request.header("x-vault-request") != "true")
            return Answer::json(400, R"({"errors":["missing X-Vault-Request"]})");
        std::lock_guard lock(mutex_);
        if (dead_tokens_.contains(request.header("x-vault-token")))
            return Answer::json(403, denied);
        auto found = answers_.find(request.method + " " + request.target);
        if (found == answers_.end())
            return Answer::json(404, R"({"errors":[]})");
        return Answer::json(found->second.first, found->second.second);
    }
    void set(const std::string& what, Reply reply) {
        std::lock_guard lock(mutex_);
        answers_[what] = std::move(reply);
    }
    void kill_token(const std::string& token) {
        std::lock_guard lock(mutex_);
        dead_tokens_.insert(token);
    }

    std::mutex mutex_;
    std::map<std::string, Reply> answers_;
    std::set<std::string> dead_tokens_;
    config::Vault vault_;
    tests::TemporaryDirectory directory_;
    tests::ManualEnvironment environment_;
    tests::HttpServer server_{[this](const SeenRequest& request) { return answer(request); }};
    std::unique_ptr<Source> source_;
};

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
    EXPECT_FALSE(source_->rotates());
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
    EXPECT_TRUE(source_->rotates());
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

TEST_F(VaultSource, MakesAnAccountThatLivesAsLongAsItsLease) {
    use_dynamic(30);
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_TRUE(source_->leases());
    EXPECT_FALSE(source_->rotates());
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
} // namespace rekey::rotation
