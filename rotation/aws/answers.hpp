// What AWS's services and metadata endpoints answer, read. Pure. Errors never hold a secret.
#pragma once

#include "rotation/aws/sigv4.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace rekey::rotation::aws {

// Keys, or why there are none. Neither: they are not kept there.
struct KeysResult {
    std::shared_ptr<const Keys> keys;
    std::string error;
};

// {"AccessKeyId", "SecretAccessKey", "Token" or "SessionToken", "Expiration"?}: the container's endpoint, instance
// metadata ("Code" must be Success) and programs ("Version" must be 1).
KeysResult parse_keys_json(std::string_view body);
// <Credentials> of an AssumeRole or AssumeRoleWithWebIdentity answer.
KeysResult parse_keys_xml(std::string_view body);

// An answer that is no success: JSON with __type, XML with <Code>, or a header.
struct ServiceError {
    int status = 0;
    std::string code; // without prefix and suffix; empty: none was found
    std::string message;
};
ServiceError parse_error(int status, const http::Head& head, std::string_view body);

bool is_throttling(const ServiceError& error);
// Worth another attempt as it is.
bool is_passing(const ServiceError& error);
// The keys' session is over, or they are not known (any more).
bool is_expired(const ServiceError& error);
// The clocks differ by more than AWS allows.
bool is_skewed(const ServiceError& error);

// For an error's text: status, code, what it means, what the service said.
std::string explain(const ServiceError& error);

// The Date header of an answer: Sun, 06 Nov 1994 08:49:37 GMT.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text);

} // namespace rekey::rotation::aws
