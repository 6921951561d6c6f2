// Asks stores over HTTP/1.1: keep-alive, proxies, verified TLS, time-outs, retries.
//
// Blocking: for Environment::run_remote. One client serves one store and one thread at a time; cancel() may come from
// any thread. No error names a secret: headers, bodies and the proxy's password never get into one.
#pragma once

#include "config/http_url.hpp"
#include "rotation/http/message.hpp"
#include "rotation/http/proxy.hpp"
#include "rotation/http/retry.hpp"
#include "rotation/http/stream.hpp"
#include "rotation/http/tls_context.hpp"

#include <memory>
#include <random>
#include <string>

namespace rekey::rotation::http {

struct ClientOptions {
    std::string store; // what errors begin with
    TlsOptions tls;
    ProxySettings proxy;
    std::chrono::milliseconds connect_timeout{5000}; // TCP, proxy and TLS
    std::size_t response_limit = 1 << 20;            // bytes of a body
    RetryPolicy retry;
    std::uint64_t seed = 0; // of the jitter
};

struct Request {
    std::string method = "GET";
    config::HttpUrl url; // scheme, host and port
    std::string target;  // path and query, escaped; begins with '/', holds no secret
    std::vector<Header> headers;
    std::string_view body;                    // outlives the call
    std::chrono::milliseconds timeout{10000}; // for all of it: attempts, pauses, redirects
    bool repeatable = true;                   // see Attempt
    // How many redirects (301, 302, 307, 308) are followed with method, headers and body kept; never from https to
    // http.
    unsigned redirects = 0;
};

struct Response {
    int status = 0; // 0: there is none, see `error`
    Head head;
    protocol::Secret body;
    Failure failure = Failure::none;
    std::string error; // store, method, address and what happened
    bool ok() const { return status >= 200 && status < 300; }
};

class Client {
  public:
    explicit Client(ClientOptions options);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client();

    Response send(const Request& request);
    // Ends what is under way, and everything that comes.
    void cancel() { cancellation_.cancel(); }
    // Sleeps, or less when cancelled.
    void pause(std::chrono::milliseconds span) const { pause_until(Clock::now() + span, cancellation_); }
    // store: METHOD https://host:port/path
    std::string name_of(const Request& request) const;

  private:
    struct Hop;
    Response follow(const Request& request, Clock::time_point deadline);
    Response exchange(const Hop& hop, Clock::time_point deadline);
    Fault open(const Hop& hop, Clock::time_point deadline);
    Fault tunnel(const Hop& hop, const Proxy& proxy, Clock::time_point deadline);
    Fault talk(std::string_view request, ResponseReader& reader, Clock::time_point deadline);
    bool redirect(const Response& response, Hop& hop, Fault& fault) const;

    ClientOptions options_;
    Cancellation cancellation_;
    TlsContext tls_;
    std::minstd_rand random_;
    std::unique_ptr<Stream> stream_; // kept alive; null: none
    std::string connected_to_;       // origin
    Clock::time_point used_at_{};
};

} // namespace rekey::rotation::http
