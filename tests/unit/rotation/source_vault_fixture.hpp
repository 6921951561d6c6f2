// A little store that answers as Vault does, and the source in front of it.
#pragma once

#include "rotation/sources/sources.hpp"
#include "rotation/sources/vault_api.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::vault_test {

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

inline const std::string kv2 =
    R"({"data":{"data":{"username":"app","password":"s3cret-Passw0rd"},"metadata":{"version":7}}})";
inline const std::string denied = R"({"errors":["1 error occurred:\n\t* permission denied\n\n"]})";

inline std::string login_answer(const std::string& token, int ttl, const std::string& more = {}) {
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

} // namespace rekey::rotation::vault_test
