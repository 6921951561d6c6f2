// Who Rekey is at Alibaba Cloud: keys of the configuration, of the environment, or of the instance's RAM role; the
// first place that has some counts. A role's are kept, and renewed before they expire.
//
// Blocking, one thread at a time; cancel() may come from any.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "rotation/alibaba/metadata.hpp"

namespace rekey::rotation::alibaba {

// What the configuration names, read anew for every use: somebody may renew it in its files. Neither keys nor an error:
// it names none.
KeysResult read_access_key(const config::AccessKey& configured);

class Identity {
  public:
    // Control thread: the variables are read now.
    Identity(std::shared_ptr<const config::AliyunKms> configured, const config::Environment& variables,
             std::chrono::milliseconds metadata_timeout);

    // Keys that are good for three minutes at least; shorter-lived ones only while no others can be had.
    KeysResult keys(WallTime now);
    // The next keys() asks anew: the service does not accept what it got.
    void forget() { kept_.reset(); }
    void cancel() { metadata_.cancel(); }

  private:
    KeysResult of_instance(WallTime now);

    std::shared_ptr<const config::AliyunKms> configured_;
    KeysResult environment_;
    Metadata metadata_;
    std::shared_ptr<const Keys> kept_;
};

} // namespace rekey::rotation::alibaba
