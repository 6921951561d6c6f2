// A little store that checks signatures and answers as Secrets Manager does, and the source in front of it.
#pragma once

#include "rotation/sources/secrets_manager_api.hpp"
#include "rotation/sources/sources.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/unit/rotation/aws_places.hpp"

namespace rekey::rotation::secrets_manager_test {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;
using tests::Answer;
using tests::SeenRequest;

inline std::string quoted(const std::string& text) {
    std::string result;
    for (char c : text)
        result += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
    return "\"" + result + "\"";
}

inline std::string value(const std::string& version, const std::string& secret) {
    return R"({"ARN":"arn","Name":"db1","VersionId":")" + version + R"(","SecretString":)" + quoted(secret) +
           R"(,"CreatedDate":1.5E9})";
}

inline std::string pair(const std::string& username, const std::string& password) {
    return R"({"username":")" + username + R"(","password":")" + password + R"("})";
}

class SecretsManager : public ::testing::Test {
  protected:
    SecretsManager() {
        aws_.secret = "db1";
        aws_.region = "us-east-1";
        aws_.username_field = "username";
        aws_.password_field = "password";
        places_.variables["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
        places_.variables["AWS_SECRET_ACCESS_KEY"] = "s3cret-key";
        set("AWSCURRENT", 200, value("v1", pair("app", "s3cret-Passw0rd")));
    }

    // The source is made with the first call.
    Source& source() {
        if (!source_) {
            config::Source configured;
            configured.type = config::SourceType::aws_secrets_manager;
            configured.timeout = 20'000ms;
            aws_.endpoint = server_.url();
            configured.aws = std::make_shared<config::Aws>(aws_);
            source_ = make_secrets_manager_source(configured, environment_, protocol::Secret("key"),
                                                  places_.environment(), {1ms, 1ms});
        }
        return *source_;
    }
    FetchResult fetch() {
        FetchResult result;
        bool done = false;
        source().fetch([&](FetchResult fetched) {
            result = std::move(fetched);
            done = true;
        });
        environment_.run_ready();
        EXPECT_TRUE(done);
        EXPECT_NE(result.credential.has_value(), !result.error.empty());
        for (const char* secret : {"s3cret", "t0ken"})
            EXPECT_THAT(result.error, Not(HasSubstr(secret)));
        return result;
    }
    std::vector<Fetched> others() {
        std::vector<Fetched> result;
        source().fetch_others([&](std::vector<Fetched> fetched) { result = std::move(fetched); });
        environment_.run_ready();
        return result;
    }

    std::string rotate() {
        std::optional<std::string> result;
        source().rotate([&](std::string error) { result = std::move(error); });
        environment_.run_ready();
        EXPECT_TRUE(result);
        return result.value_or("");
    }

    void set(const std::string& stage, int status, const std::string& body, const std::string& headers = {}) {
        std::lock_guard lock(mutex_);
        answers_[stage] = {status, body, headers};
    }
    void set_rotation(int status, const std::string& body) { set("rotation", status, body); }
    void set_error(int status, const std::string& code, const std::string& message = "m") {
        set("AWSCURRENT", status, R"({"__type":")" + code + R"(","Message":")" + message + R"("})");
    }
    std::size_t asked() const { return server_.requests().size(); }

    struct Reply {
        int status = 0;
        std::string body, headers;
    };
    Answer answer(const SeenRequest& request) {
        auto operation = request.header("x-amz-target");
        bool rotate = operation == "secretsmanager.RotateSecret";
        bool right =
            request.method == "POST" && request.target == "/" &&
            request.header("content-type") == "application/x-amz-json-1.1" &&
            (rotate || operation == "secretsmanager.GetSecretValue") &&
            request.header("authorization").find("SignedHeaders=content-type;host;x-amz-date;") != std::string::npos;
        if (!right)
            return Answer::json(400, R"({"__type":"InvalidParameterException"})");
        std::lock_guard lock(mutex_);
        if (rotate)
            return Answer::json(answers_["rotation"].status, answers_["rotation"].body, answers_["rotation"].headers);
        for (const auto& [stage, reply] : answers_)
            if (request.body == R"({"SecretId":"db1","VersionStage":")" + stage + R"("})")
                return Answer::json(reply.status, reply.body, reply.headers);
        return Answer::json(400, R"({"__type":"ResourceNotFoundException","Message":"no such stage"})");
    }

    std::mutex mutex_;
    std::map<std::string, Reply> answers_;
    config::Aws aws_;
    tests::ManualEnvironment environment_;
    tests::AwsPlaces places_;
    tests::HttpServer server_{[this](const SeenRequest& request) { return answer(request); }};
    std::unique_ptr<Source> source_;
};

} // namespace rekey::rotation::secrets_manager_test
