// Keys from where a program runs: the endpoint of a container (ECS, EKS Pod Identity) and the metadata of an instance
// (IMDSv2; v1 where the instance has no other and it is not forbidden).
//
// Blocking, one thread at a time; cancel() may come from any. No proxy is ever asked.
#pragma once

#include "rotation/aws/answers.hpp"
#include "rotation/aws/profiles.hpp"
#include "rotation/http/client.hpp"

namespace rekey::rotation::aws {

struct MetadataOptions {
    std::string ca; // of a container's https endpoint; empty: the system's
    std::uint64_t seed = 0;
    std::chrono::milliseconds pause{1000};   // between the three attempts at a container's endpoint
    std::chrono::milliseconds timeout{1000}; // of the instance's, for each request
};

// A token goes in the clear only to where nobody else can listen: this host, and the addresses of AWS's agents (those
// of ECS and EKS).
bool may_be_asked(const config::HttpUrl& url);

class Metadata {
  public:
    Metadata(const Variables& variables, const MetadataOptions& options);

    // Neither keys nor an error: no container says where to ask.
    KeysResult container();
    // Neither: it is turned off, or this instance has no role. `error` also when nobody answers.
    KeysResult instance();
    // Where the instance is; empty: not known.
    std::string region();
    void cancel();

  private:
    std::string container_url(std::string& error) const;
    std::string authorization(protocol::Secret& token) const;
    http::Response ask_instance(const char* method, const std::string& target, std::string& error);
    std::string have_token();

    const Variables& variables_;
    MetadataOptions options_;
    http::Client container_, instance_;
    std::string base_; // of the instance's; empty: turned off
    protocol::Secret token_;
    bool without_token_ = false; // version 1
    Clock::time_point token_ends_{};
};

} // namespace rekey::rotation::aws
