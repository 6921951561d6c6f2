// Who Rekey is at AWS: keys of the environment, of a profile, of a role, of the container or the instance; the first
// place that has some counts. Kept, and renewed before they expire.
//
// Blocking, one thread at a time; cancel() may come from any.
#pragma once

#include "rotation/aws/metadata.hpp"
#include "rotation/aws/sts.hpp"

#include <set>

namespace rekey::rotation::aws {

struct ChainOptions {
    std::string profile;  // of the configuration: then the environment's keys do not count. Empty: AWS_PROFILE
    CallerOptions caller; // towards STS
    MetadataOptions metadata;
    std::chrono::milliseconds process_timeout{10000}; // of a profile's credential_process
};

class Chain {
  public:
    Chain(Variables variables, ChainOptions options);

    // Keys that are good for ten minutes at least; shorter-lived ones only while no others can be had.
    KeysResult keys(std::chrono::system_clock::time_point now);
    // The next keys() asks anew: the service does not accept what it got.
    void forget() { cached_.reset(); }
    // When keys() wants to be called again; nothing: no matter.
    std::optional<std::chrono::system_clock::time_point> renew_at() const { return renew_at_; }
    // Of the environment, the profile or the instance; empty: none says.
    std::string region();
    void cancel();

  private:
    KeysResult find(std::chrono::system_clock::time_point now);
    KeysResult environment() const;
    KeysResult of_profile(const std::string& name, std::chrono::system_clock::time_point now,
                          std::set<std::string>& seen);
    KeysResult of_role(const std::string& name, std::chrono::system_clock::time_point now, std::set<std::string>& seen);
    KeysResult web_identity(std::chrono::system_clock::time_point now);
    KeysResult of_process(const std::string& name);
    KeysResult role_source(const std::string& name, std::chrono::system_clock::time_point now,
                           std::set<std::string>& seen);
    std::string profile() const;
    std::string configured_region() const;

    Variables variables_;
    ChainOptions options_;
    Profiles profiles_;
    Sts sts_;
    Metadata metadata_;
    bool of_instance_ = false; // the last keys came from its metadata
    std::shared_ptr<const Keys> cached_;
    std::optional<std::chrono::system_clock::time_point> renew_at_;
    std::minstd_rand random_;
};

} // namespace rekey::rotation::aws
