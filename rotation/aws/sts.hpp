// AWS's Security Token Service: keys of a role for some time.
//
// Blocking, one thread at a time; cancel() may come from any.
#pragma once

#include "rotation/aws/caller.hpp"
#include "rotation/aws/profiles.hpp"

namespace rekey::rotation::aws {

struct Role {
    std::string arn;
    std::string session = "rekey"; // RoleSessionName
    std::string external_id;       // empty: none
    std::string seconds = "3600";  // DurationSeconds
};

class Sts {
  public:
    // The address comes from AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL, else it is AWS's.
    Sts(const Variables& variables, CallerOptions options);

    // `region` empty: the global endpoint.
    KeysResult assume(const Role& role, const std::string& region, const Keys& keys,
                      std::chrono::system_clock::time_point now);
    // The token's file is read for every call: somebody else renews it there.
    KeysResult assume_with_web_identity(const Role& role, const std::string& token_file, const std::string& region,
                                        std::chrono::system_clock::time_point now);
    void cancel() { caller_.cancel(); }

  private:
    KeysResult ask(std::string& form, const std::string& region, const Keys* keys,
                   std::chrono::system_clock::time_point now);

    std::string endpoint_; // empty: AWS's
    Caller caller_;
};

} // namespace rekey::rotation::aws
