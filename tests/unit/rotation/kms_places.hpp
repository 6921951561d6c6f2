// Alibaba Cloud's KMS and an instance's metadata on one loopback port, as strict as the real ones: signatures are
// computed anew, a nonce is taken once, keys of a session need its token, metadata wants its token.
#pragma once

#include "config/scalars.hpp"
#include "protocol/auth/digest.hpp"
#include "rotation/alibaba/gateway.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace rekey::tests {

inline std::string role_keys(const std::string& id, const std::string& expiration) {
    return R"({"Code":"Success","AccessKeyId":")" + id + R"(","AccessKeySecret":"s3cret-key","SecurityToken":"t0ken-)" +
           id + R"(","Expiration":")" + expiration + R"("})";
}

inline std::string quoted(const std::string& text) {
    std::string result;
    for (char c : text)
        result += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
    return "\"" + result + "\"";
}

inline std::string secret_answer(const std::string& version, const std::string& type, const std::string& data,
                                 const std::string& more = {}) {
    return R"({"SecretName":"db1","VersionId":")" + version + R"(","SecretType":")" + type +
           R"(","SecretDataType":"text","SecretData":)" + quoted(data) + more + "}";
}

inline std::string account(const std::string& name, const std::string& password) {
    return R"({"AccountName":")" + name + R"(","AccountPassword":")" + password + R"("})";
}

class KmsPlaces {
  public:
    struct Reply {
        int status = 0;
        std::string body;
    };

    config::Environment environment() const {
        return [values = variables](const std::string& name) -> std::optional<std::string> {
            auto found = values.find(name);
            return found == values.end() ? std::nullopt : std::optional(found->second);
        };
    }
    // The answer to an action and the parameter that names what is wanted: "GetSecretValue ACSCurrent", "Decrypt BLOB".
    void set(const std::string& what, int status, const std::string& body) {
        std::lock_guard lock(mutex_);
        answers_[what] = {status, body};
    }
    void set_error(const std::string& what, int status, const std::string& code, const std::string& message = "m") {
        set(what, status, R"({"Code":")" + code + R"(","Message":")" + message + R"(","RequestId":"r"})");
    }
    // Once, before the answer that was set.
    void fail_once(const std::string& what, int status, const std::string& code) {
        std::lock_guard lock(mutex_);
        failures_[what].push_back({status, R"({"Code":")" + code + R"(","Message":"m"})"});
    }
    void change(const std::function<void()>& what) {
        std::lock_guard lock(mutex_);
        what();
    }
    std::vector<std::string> asked() const {
        std::lock_guard lock(mutex_);
        return asked_;
    }
    std::map<std::string, std::string> last_form() const {
        std::lock_guard lock(mutex_);
        return last_form_;
    }
    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(directory / name) << text;
        return directory / name;
    }

    TemporaryDirectory directory;
    std::map<std::string, std::string> variables;
    // Changed through change() while the server is asked.
    std::map<std::string, std::string> keys{{"AKID", "s3cret-key"}}, sessions; // secret and token by id
    std::string instance_keys = role_keys("STS.ROLE", "2030-01-01T00:00:00Z"), metadata_token = "session-1";
    int metadata_token_status = 200;
    // What a rotation leads to, after so many more looks at the secret.
    std::string rotated_data;
    int looks_until_rotated = 0;

  private:
    static std::map<std::string, std::string> parse_form(std::string_view body) {
        std::map<std::string, std::string> form;
        for (auto pair : config::split(body, '&')) {
            std::string name, value;
            auto* text = &name;
            for (std::size_t i = 0; i < pair.size(); ++i) {
                if (pair[i] == '=' && text == &name)
                    text = &value;
                else if (pair[i] == '%') {
                    text->push_back(static_cast<char>(std::stoi(std::string(pair.substr(i + 1, 2)), nullptr, 16)));
                    i += 2;
                } else
                    text->push_back(pair[i]);
            }
            form[name] = value;
        }
        return form;
    }

    static Answer refuse(const char* code) {
        return Answer::json(400, R"({"Code":")" + std::string(code) + R"(","Message":"m"})");
    }

    // Empty, or the code of what is wrong.
    std::string check(const std::string& id, const std::string& token, const std::string& nonce) {
        if (!keys.contains(id))
            return "InvalidAccessKeyId.NotFound";
        if (sessions.contains(id) && sessions[id] != token)
            return "InvalidSecurityToken.Expired";
        return nonces_.insert(nonce).second ? "" : "SignatureNonceUsed";
    }

    static std::string acs3_signature(const SeenRequest& request, const std::string& secret, std::string& names) {
        rotation::alibaba::ToSign to_sign;
        to_sign.host = request.header("host");
        to_sign.body = request.body;
        std::vector<rotation::http::Header> headers;
        for (const auto& [name, value] : request.headers)
            if (name.starts_with("x-acs-") || name == "content-type")
                headers.push_back({name, protocol::Secret(value)});
        auto text = rotation::alibaba::canonical_request(to_sign, headers, names);
        auto hash = config::lower_case_hex(protocol::auth::view(protocol::auth::sha256({text})));
        return config::lower_case_hex(
            protocol::auth::view(protocol::auth::hmac_sha256(secret, "ACS3-HMAC-SHA256\n" + hash)));
    }

    std::string check_acs3(const SeenRequest& request) {
        auto authorization = request.header("authorization");
        auto begin = authorization.find("Credential="), end = authorization.find(',');
        if (begin == std::string::npos || request.header("x-acs-version") != "2016-01-20")
            return "IncompleteSignature";
        auto id = authorization.substr(begin + 11, end - begin - 11);
        auto wrong = check(id, request.header("x-acs-security-token"), request.header("x-acs-signature-nonce"));
        if (!wrong.empty())
            return wrong;
        std::string names;
        auto signature = acs3_signature(request, keys[id], names);
        auto expected = "ACS3-HMAC-SHA256 Credential=" + id + ",SignedHeaders=" + names + ",Signature=" + signature;
        return authorization == expected ? "" : "SignatureDoesNotMatch";
    }

    std::string check_rpc(std::map<std::string, std::string>& form) {
        auto wrong = check(form["AccessKeyId"], form["SecurityToken"], form["SignatureNonce"]);
        if (!wrong.empty())
            return wrong;
        rotation::alibaba::Parameters parameters;
        for (const auto& [name, value] : form)
            if (name != "Signature" && (name != "SecurityToken" || !value.empty()))
                parameters.emplace_back(name, value);
        protocol::Secret secret(keys[form["AccessKeyId"]]);
        auto right = rotation::alibaba::rpc_signature("POST", parameters, secret) == form["Signature"];
        return right && form["Version"] == "2016-01-20" ? "" : "SignatureDoesNotMatch";
    }

    Answer answer(const SeenRequest& request) {
        std::lock_guard lock(mutex_);
        if (request.target.starts_with("/latest/"))
            return metadata(request);
        auto form = parse_form(request.body);
        bool shape = request.method == "POST" && request.target == "/" &&
                     request.header("content-type") == "application/x-www-form-urlencoded";
        if (!shape)
            return refuse("InvalidParameter");
        bool rpc = form.contains("Signature");
        auto action = rpc ? form["Action"] : request.header("x-acs-action");
        if (auto wrong = rpc ? check_rpc(form) : check_acs3(request); !wrong.empty())
            return refuse(wrong.c_str());
        last_form_ = form;
        auto what = action + " " +
                    (action == "GetSecretValue" ? form["VersionStage"]
                     : action == "Decrypt"      ? form["CiphertextBlob"]
                                                : "");
        if (what.ends_with(' '))
            what.pop_back();
        asked_.push_back(what);
        if (auto& failures = failures_[what]; !failures.empty()) {
            auto failure = failures.front();
            failures.erase(failures.begin());
            return Answer::json(failure.status, failure.body);
        }
        if (action == "RotateSecret" && !rotated_data.empty())
            rotated_version_ = form["VersionId"];
        if (what == "GetSecretValue ACSCurrent" && !rotated_version_.empty() && looks_until_rotated-- <= 0)
            return Answer::json(200, secret_answer(rotated_version_, "Rds", rotated_data));
        auto found = answers_.find(what);
        return found == answers_.end() ? refuse("Forbidden.ResourceNotFound")
                                       : Answer::json(found->second.status, found->second.body);
    }

    Answer metadata(const SeenRequest& request) {
        if (request.target == "/latest/api/token") {
            bool right =
                request.method == "PUT" && request.header("x-aliyun-ecs-metadata-token-ttl-seconds") == "21600";
            return Answer::json(right ? metadata_token_status : 400,
                                metadata_token_status == 200 ? metadata_token : "");
        }
        bool old = metadata_token_status != 200 && request.header("x-aliyun-ecs-metadata-token").empty();
        if (request.method != "GET" || (!old && request.header("x-aliyun-ecs-metadata-token") != metadata_token))
            return Answer::json(403, "");
        const std::string roles = "/latest/meta-data/ram/security-credentials/";
        if (request.target == roles)
            return Answer::json(200, "the-role");
        return request.target == roles + "the-role" ? Answer::json(200, instance_keys) : Answer::json(404, "");
    }

    mutable std::mutex mutex_;
    std::map<std::string, Reply> answers_;
    std::map<std::string, std::vector<Reply>> failures_;
    std::vector<std::string> asked_;
    std::map<std::string, std::string> last_form_;
    std::set<std::string> nonces_;
    std::string rotated_version_;

  public:
    HttpServer server{[this](const SeenRequest& request) { return answer(request); }};
};

} // namespace rekey::tests
