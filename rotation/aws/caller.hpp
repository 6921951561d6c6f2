// Asks AWS's services: signs each attempt, tries again what may pass, follows the service's clock.
//
// Blocking, one thread at a time; cancel() may come from any.
#pragma once

#include "rotation/aws/answers.hpp"
#include "rotation/http/client.hpp"

#include <random>

namespace rekey::rotation::aws {

struct CallerOptions {
    http::ClientOptions client; // its retries are not used
    unsigned attempts = 3;      // at most, the first included
    // Between attempts: uniform in [0, 2^i × unit), at most `longest`.
    std::chrono::milliseconds unit{1000}, longest{20000};
};

struct Call {
    config::HttpUrl url;
    Scope scope;
    std::vector<std::pair<std::string, std::string>> headers; // signed
    std::string_view body;                                    // outlives the call
    std::chrono::milliseconds timeout{10000};                 // for all of it
};

struct CallReply {
    protocol::Secret body;     // of a 2xx
    std::string error;         // store, address, status, reason; empty: 2xx
    ServiceError service;      // what the service said, when it answered
    bool store_failed = false; // not for want of permission: it gave no answer, throttles, or has failed
};

class Caller {
  public:
    explicit Caller(CallerOptions options);

    // POST to `/`. `keys` null: not signed. `now` is the clock's.
    CallReply send(const Call& call, const Keys* keys, std::chrono::system_clock::time_point now);
    void cancel() { client_.cancel(); }

  private:
    http::Response attempt(const Call& call, const Keys* keys, std::chrono::system_clock::time_point now,
                           std::chrono::milliseconds timeout);
    std::chrono::milliseconds pause(unsigned number);

    CallerOptions options_;
    http::Client client_;
    std::minstd_rand random_;
    std::chrono::seconds skew_{0}; // by how much the service's clock is ahead
};

} // namespace rekey::rotation::aws
