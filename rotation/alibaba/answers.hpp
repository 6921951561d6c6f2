// What Alibaba Cloud's services and metadata answer, read. Pure. Errors never hold a secret.
#pragma once

#include "rotation/alibaba/signature.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace rekey::rotation::alibaba {

// Keys, or why there are none. Neither: they are not kept there.
struct KeysResult {
    std::shared_ptr<const Keys> keys;
    std::string error;
};

// {"AccessKeyId", "AccessKeySecret", "SecurityToken"?, "Expiration"?}: what an instance's metadata answers ("Code" must
// be Success), and files of session keys.
KeysResult parse_keys(std::string_view body);

// An answer that is no success.
struct ServiceError {
    int status = 0;   // 0: there was none
    std::string code; // empty: none was found
    std::string message;
};
// {"Code", "Message"}
ServiceError parse_error(int status, std::string_view body);
// A code or nothing: what is no name has no place in a log.
std::string error_code(std::string_view text);

// Worth another attempt, signed anew.
bool is_passing(const ServiceError& error);
// The session is over, or the keys are not known (any more).
bool is_expired(const ServiceError& error);

// For an error's text: status, code, what it means, what the service said.
std::string explain(const ServiceError& error);

// A secret's version, as GetSecretValue answers.
struct SecretValue {
    std::string version, type; // type: Generic, Rds, PolarDB, …
    protocol::Secret data;
    bool binary = false;       // `data` is base64
    std::string next_rotation; // RFC 3339; empty: not planned
};
// `error` is empty where a value was read.
SecretValue parse_secret_value(std::string_view body, std::string& error);

// The plaintext that Decrypt answers, as it was given to Encrypt; empty: the answer holds none.
protocol::Secret parse_plaintext(std::string_view body);

} // namespace rekey::rotation::alibaba
