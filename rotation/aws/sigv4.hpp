// Signature Version 4 of AWS: requests are signed, addresses are presigned. Pure; the time is an argument.
#pragma once

#include "rotation/http/escape.hpp"
#include "rotation/http/message.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::rotation::aws {

// What requests are signed with. Never changed once handed out, and shared between threads.
struct Keys {
    std::string id;           // AccessKeyId
    protocol::Secret secret;  // SecretAccessKey
    protocol::Secret session; // of a role; empty: none
    std::optional<std::chrono::system_clock::time_point> expires;
};

struct Scope {
    std::string region, service;
};

struct ToSign {
    std::string method = "GET";
    std::string host;                                       // with the port where the Host header has one
    std::string path = "/";                                 // not escaped
    std::vector<std::pair<std::string, std::string>> query; // not escaped
    std::vector<http::Header> headers;                      // all are signed; Host and X-Amz-Date are added
    std::string_view body;                                  // outlives the call
};

using http::escape;

// The text that is hashed and signed; `names` gets the headers' names as SignedHeaders lists them. The caller cleanses
// it: a session's token is among the headers.
std::string canonical_request(const ToSign& request, std::string& names);

// HMAC key of a day ("20150830"), a region and a service.
protocol::Secret signing_key(const protocol::Secret& secret, std::string_view day, const Scope& scope);

// The headers to be sent: those of the request, X-Amz-Date, X-Amz-Security-Token where the keys are a session's, and
// Authorization.
std::vector<http::Header> sign(const Keys& keys, const Scope& scope, ToSign request,
                               std::chrono::system_clock::time_point now);

// host/path?query with the signature in the query: whoever has it may do this until it expires. Headers and body are
// not part of it.
protocol::Secret presign(const Keys& keys, const Scope& scope, ToSign request, std::chrono::seconds expires,
                         std::chrono::system_clock::time_point now);

} // namespace rekey::rotation::aws
