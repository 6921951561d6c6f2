// Keys of the RAM role that an ECS instance has, from the instance's metadata: with a session's token; without one
// where the instance has no other way and it is not forbidden.
//
// Blocking, one thread at a time; cancel() may come from any. No proxy is ever asked.
#pragma once

#include "rotation/alibaba/answers.hpp"
#include "rotation/http/client.hpp"

namespace rekey::rotation::alibaba {

struct MetadataOptions {
    std::string address = "http://100.100.100.200"; // empty: turned off
    std::string role;                               // empty: the instance says which it has
    bool token_only = false;                        // never without a session's token
    std::chrono::milliseconds timeout{1000};        // for each request
};

class Metadata {
  public:
    explicit Metadata(MetadataOptions options);

    // Neither keys nor an error: it is turned off, or this instance has no role. `error` also when nobody answers.
    KeysResult keys();
    void cancel() { client_.cancel(); }

  private:
    http::Request request_of(const char* method, const std::string& target) const;
    std::string have_token();
    http::Response ask(const std::string& target, std::string& error);

    MetadataOptions options_;
    http::Client client_;
    protocol::Secret token_;
    bool without_token_ = false;
    Clock::time_point token_ends_{};
};

} // namespace rekey::rotation::alibaba
