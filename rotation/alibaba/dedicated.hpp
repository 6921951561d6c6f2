// The dedicated gateway's requests: Protocol Buffers, signed with a client key. Pure; the time is an argument.
#pragma once

#include "rotation/alibaba/answers.hpp"
#include "rotation/alibaba/client_key.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::alibaba {

// Tue, 02 Jan 2024 03:04:05 GMT
std::string format_http_date(WallTime time);

struct DedicatedCall {
    std::string api;         // Decrypt, GetSecretValue
    std::string key_version; // of what is decrypted, for Decrypt
    std::string body;
};

// What is signed: method, the body's hash, type, date, and every x-kms-* header by name. `headers` as they are sent.
std::string string_to_sign(const std::vector<http::Header>& headers);

// The headers to be sent, without Host and Content-Length.
std::vector<http::Header> sign_dedicated(const ClientKey& key, const DedicatedCall& call, WallTime now);

// How encryption wraps what it made here: base64 of the key's version (36 characters), the vector (12 bytes) and the
// ciphertext. Nothing for anything else.
std::optional<DedicatedCall> decrypt_call(std::string_view blob);
DedicatedCall secret_value_call(const std::string& name, const std::string& stage);

// See answers.hpp for what these mean.
ServiceError parse_dedicated_error(int status, std::string_view body);
SecretValue parse_dedicated_secret(std::string_view body, std::string& error);
protocol::Secret parse_dedicated_plaintext(std::string_view body);

} // namespace rekey::rotation::alibaba
