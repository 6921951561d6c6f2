// Signatures of requests to Alibaba Cloud: ACS3-HMAC-SHA256, and the older one of RPC interfaces (version 1,
// HMAC-SHA1). Pure; time and nonce are arguments. A nonce may be used once.
#pragma once

#include "rotation/http/message.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::rotation::alibaba {

using WallTime = std::chrono::system_clock::time_point;

// What requests are signed with. Never changed once handed out, and shared between threads.
struct Keys {
    std::string id;          // AccessKeyId
    protocol::Secret secret; // AccessKeySecret
    protocol::Secret token;  // SecurityToken of a session; empty: none
    std::optional<WallTime> expires;
};

using Parameters = std::vector<std::pair<std::string, std::string>>; // not escaped

// Sorted and escaped: a=1&b=2. An empty value is `k=`. The caller cleanses it if it holds a secret.
std::string query_text(const Parameters& parameters);

// YYYY-MM-DDTHH:MM:SSZ
std::string format_seconds(WallTime time);

// POST to `/` with ACS3.
struct ToSign {
    std::string host;            // with the port where the Host header has one
    std::string action, version; // Decrypt, 2016-01-20
    Parameters query;
    std::string content_type; // empty: there is no body
    std::string_view body;    // outlives the call
};

// The text that is hashed and signed; `names` gets the headers' names as SignedHeaders lists them. The caller cleanses
// it: a session's token is among the headers.
std::string canonical_request(const ToSign& request, const std::vector<http::Header>& headers, std::string& names);

// The headers to be sent, without Host.
std::vector<http::Header> sign_acs3(const Keys& keys, const ToSign& request, const std::string& nonce, WallTime now);

// Base64 of the HMAC-SHA1 over method and parameters, of which none is called Signature.
std::string rpc_signature(std::string_view method, const Parameters& parameters, const protocol::Secret& secret);

// The form of a POST to `/`: the parameters and those that every call has, signed.
protocol::Secret rpc_form(const Keys& keys, const std::string& action, const std::string& version,
                          const Parameters& parameters, const std::string& nonce, WallTime now);

} // namespace rekey::rotation::alibaba
