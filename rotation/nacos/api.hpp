// What Nacos is asked and what it answers, over HTTP. Pure. Errors never hold a secret.
//
//   v1  1.x to 3.1: the content itself, what else there is in headers; configurations can be listened to
//   v2  2.2 to 3.1 (where it has to be turned on): JSON around the content
//   v3  3.0 and newer: all in JSON; over HTTP nothing tells of a change
#pragma once

#include "config/config.hpp"
#include "rotation/http/message.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation::nacos {

struct Token {
    protocol::Secret text;
    std::chrono::seconds ttl{0}; // never 0
};
std::optional<Token> parse_login(std::string_view body);

// A configuration as it is stored.
struct Document {
    protocol::Secret content;
    std::string md5;                // of the content, in hexadecimal digits
    std::string type;               // yaml, properties, …; empty: not told
    std::string encrypted_data_key; // empty: none
};

struct Reading {
    std::optional<Document> document;
    std::string error;         // exactly one of the two is set
    bool absent = false;       // with `error`: there is no such configuration
    bool no_api = false;       // with `error`: the server does not have this API
    bool store_failed = false; // with `error`: it gave no answer, or one of 5xx, 409 or 429
};

// `api` is not automatic. The target is what is behind the server's context path.
std::string read_target(const config::Nacos& nacos, config::NacosApi api);
// Of an answer whatever its status.
Reading read_answer(config::NacosApi api, const http::Head& head, std::string_view body);

// application/x-www-form-urlencoded.
protocol::Secret login_form(std::string_view username, std::string_view password);
std::string form_escaped(std::string_view text);

// The form of the question whether a configuration is still the one with this MD5 (empty: still not there), and whether
// the answer to it names the configuration. Absent: it is no such answer.
std::string listen_form(const config::Nacos& nacos, std::string_view md5);
std::optional<bool> names_configuration(std::string_view body, const config::Nacos& nacos);

// Whether a status says that the server does not know the path. A 404 may also be about what was asked for.
bool is_missing_api(int status, std::string_view body);
bool is_passing_status(int status);
// What a status other than 2xx means, with what the server says about it.
std::string explain_status(int status, std::string_view body);

// In hexadecimal digits, as Nacos compares configurations.
std::string md5_of(std::string_view content);

} // namespace rekey::rotation::nacos
