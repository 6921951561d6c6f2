// HTTP/1.1 on the control thread: reads a request within limits and a time, hands it to the handler, writes the
// reply. Knows nothing of what is served.
#pragma once

#include "proxy/admin/listening_socket.hpp"
#include "rotation/ports.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rekey::proxy::admin {

struct HttpRequest {
    std::string method, path;                 // path without the query
    std::map<std::string, std::string> query; // percent-decoded; the last of equal names wins
    std::string host, authorization;          // header values as they came
};

struct HttpReply {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

// The reply may come later, on the control thread; exactly once.
using HttpHandler = std::function<void(const HttpRequest& request, std::function<void(HttpReply)> reply)>;

struct HttpLimits {
    std::uint32_t header_bytes = 8192;
    std::uint64_t body_bytes = 4096;
    std::uint32_t connections = 128;               // one more is closed at once
    std::chrono::milliseconds request_time{10000}; // from accept, or the last reply, to a whole request
};

class HttpServer {
  public:
    // Throws std::runtime_error when the address cannot be bound.
    HttpServer(ControlLoop& loop, const config::Address& address, HttpHandler handler, HttpLimits limits = {});
    ~HttpServer(); // closes every connection; a late reply is dropped
    std::uint16_t port() const { return listening_.port(); }

    struct Shared; // what connections keep of the server

  private:
    void accepted(ControlLoop& loop, int fd);

    std::shared_ptr<Shared> shared_;
    ListeningSocket listening_;
};

// Splits a request target into path and decoded query; false when it is malformed.
bool parse_target(std::string_view target, HttpRequest& request);

} // namespace rekey::proxy::admin
