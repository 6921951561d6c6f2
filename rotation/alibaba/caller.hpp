// Sends what a gateway is asked: every attempt is made, and signed, anew; what may pass is tried again.
//
// Blocking, one thread at a time; cancel() may come from any.
#pragma once

#include "rotation/alibaba/gateway.hpp"
#include "rotation/http/client.hpp"

#include <atomic>
#include <functional>
#include <random>

namespace rekey::rotation::alibaba {

struct CallerOptions {
    http::ClientOptions client;               // its retries are not used
    std::string address;                      // https://host
    std::chrono::milliseconds timeout{10000}; // for attempts and pauses together
    unsigned attempts = 3;                    // at most, the first included
    // Between attempts: uniform in [0.5, 1] × 2^i × unit, at most `longest`.
    std::chrono::milliseconds unit{1000}, longest{10000};
    std::string broken; // why nothing can be asked; empty: nothing is wrong
};

struct Reply : Outcome {
    protocol::Secret body; // of a 2xx
    http::Head head;
    ServiceError service; // what the service said, when it answered with something else
};

// What goes into one attempt; the body outlives it.
struct Attempt {
    std::vector<http::Header> headers;
    protocol::Secret body;
};

class Caller {
  public:
    using Make = std::function<Attempt(WallTime)>;
    using ReadError = std::function<ServiceError(int status, std::string_view body)>;

    Caller(CallerOptions options, ReadError read_error);

    // POST to `/`. `now` is the clock's.
    Reply send(const Make& make, WallTime now);
    // Of the Host header.
    std::string host() const { return url_.authority(); }
    const std::string& store() const { return options_.client.store; }
    bool pause(std::chrono::milliseconds span);
    void cancel();

  private:
    Reply read(http::Response response, const http::Request& request);
    std::chrono::milliseconds wait_after(unsigned number);

    CallerOptions options_;
    ReadError read_error_;
    config::HttpUrl url_;
    http::Client client_;
    std::minstd_rand random_;
    std::atomic<bool> cancelled_ = false;
};

// Shared by the two gateways.
CallerOptions caller_options(const config::AliyunKms& kms, const std::string& store, std::chrono::milliseconds timeout,
                             Environment& environment, const config::Environment& variables, const Patience& patience);

std::unique_ptr<Gateway> make_open_api_gateway(std::shared_ptr<const config::AliyunKms> kms, CallerOptions options,
                                               const config::Environment& variables, const Patience& patience);
std::unique_ptr<Gateway> make_dedicated_gateway(std::shared_ptr<const config::AliyunKms> kms, CallerOptions options);

} // namespace rekey::rotation::alibaba
