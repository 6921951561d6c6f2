// Little servers that answer as Nacos does, and the source in front of them.
#pragma once

#include "rotation/nacos/api.hpp"
#include "rotation/sources/sources.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/rotation_fakes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace rekey::rotation::nacos_test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using tests::Answer;
using tests::SeenRequest;

inline const std::string v1 = "/nacos/v1/cs/configs?dataId=db.properties&group=DEFAULT_GROUP";
inline const std::string v3 =
    "/nacos/v3/client/cs/config?dataId=db.properties&groupName=DEFAULT_GROUP&namespaceId=public";
inline const std::string listener = "/nacos/v1/cs/configs/listener";
inline const std::string changed = "db.properties%02DEFAULT_GROUP%01\n";

inline std::string content(const std::string& password) {
    return "spring.datasource.username=app\nspring.datasource.password=" + password + "\n";
}

inline std::string token_answer(const std::string& token, int ttl) {
    return R"({"accessToken":")" + token + R"(","tokenTtl":)" + std::to_string(ttl) + "}";
}

inline Answer text(int status, const std::string& body) {
    return {"HTTP/1.1 " + std::to_string(status) +
                " x\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
            false, false};
}

class NacosSource : public ::testing::Test {
  protected:
    NacosSource() {
        nacos_.data_id = "db.properties";
        nacos_.group = "DEFAULT_GROUP";
        set("GET " + v1, {200, content("s3cret-Passw0rd")});
        patience_.retry.least = patience_.retry.most = milliseconds(1);
        patience_.listener = {milliseconds(10'000), milliseconds(1), milliseconds(1)};
    }

    // The source is made with the first fetch.
    FetchResult fetch() {
        make();
        std::optional<FetchResult> result;
        source_->fetch([&](FetchResult fetched) { result = std::move(fetched); });
        environment_.run_ready();
        EXPECT_TRUE(result);
        if (!result)
            return {};
        EXPECT_NE(result->credential.has_value(), !result->error.empty());
        for (auto secret : {"s3cret", "tok-", "nacos-pass", "sk-1"})
            EXPECT_THAT(result->error, Not(HasSubstr(secret)));
        return std::move(*result);
    }

    void make() {
        if (source_)
            return;
        config::Source source;
        source.type = config::SourceType::nacos;
        source.timeout = timeout_;
        if (nacos_.addresses.empty())
            nacos_.addresses = {server_.url()};
        source.nacos = std::make_shared<config::Nacos>(std::move(nacos_));
        auto log = [this](LogLevel, std::string_view line) { log_.emplace_back(line); };
        source_ = make_nacos_source(source, environment_, watcher_, log, protocol::Secret("key"), std::move(cipher_),
                                    patience_);
    }

    void use_login(int ttl = 18'000) {
        nacos_.username = "rekey";
        nacos_.password.value = protocol::Secret("nacos-pass");
        set("POST /nacos/v1/auth/users/login", {200, token_answer("tok-1", ttl)});
    }

    // Runs what is due until `condition`; false: not within ten seconds. Threads of the source take their time.
    template <class Condition> bool until(Condition condition) {
        for (const auto end = Clock::now() + seconds(10); Clock::now() < end; std::this_thread::yield()) {
            watcher_.deliver();
            environment_.run_ready();
            if (condition())
                return true;
        }
        return false;
    }

    using Reply = std::pair<int, std::string>;
    Answer answer(const SeenRequest& request) {
        std::lock_guard lock(mutex_);
        if (dead_tokens_.contains(request.header("authorization")))
            return Answer::json(403, R"({"code":403,"message":"token invalid!"})");
        auto found = answers_.find(request.method + " " + request.target);
        if (found == answers_.end())
            return Answer::json(404, R"({"status":404,"error":"Not Found"})");
        if (found->second.first == 0)
            return {{}, true, true};
        return text(found->second.first, found->second.second);
    }
    // Status 0: it says nothing.
    void set(const std::string& what, Reply reply) {
        std::lock_guard lock(mutex_);
        answers_[what] = std::move(reply);
    }
    void kill_token(const std::string& token) {
        std::lock_guard lock(mutex_);
        dead_tokens_.insert("Bearer " + token);
    }
    SeenRequest last(const std::string& target) const {
        SeenRequest found;
        for (const auto& seen : server_.requests())
            if (seen.target == target)
                found = seen;
        return found;
    }

    std::mutex mutex_;
    std::map<std::string, Reply> answers_;
    std::set<std::string> dead_tokens_;
    std::vector<std::string> log_;
    config::Nacos nacos_;
    milliseconds timeout_{20'000};
    NacosPatience patience_;
    std::unique_ptr<ConfigCipher> cipher_;
    tests::ManualEnvironment environment_;
    tests::ManualWatcher watcher_;
    tests::HttpServer server_{[this](const SeenRequest& request) { return answer(request); }};
    std::unique_ptr<Source> source_;
};

} // namespace rekey::rotation::nacos_test
