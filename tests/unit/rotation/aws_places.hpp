// Places that hand out AWS keys, as strict as the real ones: instance metadata that wants its token, a container's
// endpoint that wants its authorization, a token service. All of them on one port.
#pragma once

#include "rotation/aws/chain.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace rekey::tests {

inline std::string keys_json(const std::string& id, const std::string& expiration = "2030-01-01T00:00:00Z") {
    return R"({"Code":"Success","AccessKeyId":")" + id + R"(","SecretAccessKey":"s3cret-key","Token":"t0ken-of-)" + id +
           R"(","Expiration":")" + expiration + R"("})";
}

class AwsPlaces {
  public:
    AwsPlaces() {
        variables["HOME"] = directory.path();
        variables["AWS_EC2_METADATA_DISABLED"] = "true";
    }

    config::Environment environment() const {
        return [values = variables](const std::string& name) -> std::optional<std::string> {
            auto found = values.find(name);
            return found == values.end() ? std::nullopt : std::optional(found->second);
        };
    }
    void use_instance() {
        variables.erase("AWS_EC2_METADATA_DISABLED");
        variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.url();
    }
    void use_container() {
        variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.url() + "/container?id=1";
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "right";
    }
    void use_sts() { variables["AWS_ENDPOINT_URL_STS"] = server.url(); }
    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(directory / name) << text;
        return directory / name;
    }
    void set(const std::function<void()>& change) {
        std::lock_guard lock(mutex_);
        change();
    }
    SeenRequest last() const { return server.requests().back(); }

    TemporaryDirectory directory;
    std::map<std::string, std::string> variables;
    // What they answer; changed through set() while the server is asked.
    std::string instance_keys = keys_json("INSTANCE"), container_keys = keys_json("CONTAINER");
    std::string role = "app-role\n", container_token = "right", session = "session-1";
    int token_status = 200, sts_status = 200;
    bool without_role = false;
    std::string sts_error;

  private:
    Answer text(const std::string& body) { return Answer::json(200, body); }

    Answer answer(const SeenRequest& request) {
        std::lock_guard lock(mutex_);
        if (request.target.starts_with("/container"))
            return request.method == "GET" && request.target == "/container?id=1" &&
                           request.header("authorization") == container_token
                       ? text(container_keys)
                       : Answer::json(403, "{}");
        return request.target.starts_with("/latest/") ? instance(request) : token_service(request);
    }

    Answer instance(const SeenRequest& request) {
        if (request.target == "/latest/api/token") {
            bool right = request.method == "PUT" && request.body.empty() &&
                         !request.headers.contains("x-forwarded-for") &&
                         request.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600";
            return Answer::json(right ? token_status : 400, token_status == 200 ? session : "");
        }
        bool old = token_status != 200 && request.header("x-aws-ec2-metadata-token").empty();
        if (request.method != "GET" || (!old && request.header("x-aws-ec2-metadata-token") != session))
            return Answer::json(401, "");
        if (request.target == "/latest/meta-data/placement/region")
            return text("eu-central-1");
        const std::string roles = "/latest/meta-data/iam/security-credentials/";
        if (request.target == roles && !without_role)
            return text(role);
        return request.target == roles + "app-role" && !without_role ? text(instance_keys) : Answer::json(404, "");
    }

    Answer token_service(const SeenRequest& request) {
        if (sts_status != 200)
            return Answer::json(sts_status, "<Error><Code>" + sts_error + "</Code></Error>");
        bool form = request.method == "POST" && request.target == "/" &&
                    request.header("content-type") == "application/x-www-form-urlencoded; charset=utf-8";
        bool web = request.body.starts_with("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&");
        bool plain = request.body.starts_with("Action=AssumeRole&Version=2011-06-15&");
        bool is_signed = request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=");
        if (!form || (web ? is_signed : !plain || !is_signed)) // a web identity's call is not signed
            return Answer::json(400, "<Error><Code>ValidationError</Code></Error>");
        return text("<R><Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s3cret-key</SecretAccessKey>"
                    "<SessionToken>t0ken</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>"
                    "</R>");
    }

    std::mutex mutex_;

  public:
    HttpServer server{[this](const SeenRequest& request) { return answer(request); }};
};

} // namespace rekey::tests
