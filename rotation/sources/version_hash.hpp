// Names a credential by its content where the source has no version of its own.
//
// A plain hash of a password in logs and audit records could be searched for; a keyed one cannot. With the same key,
// equal content has an equal version, over restarts too.
#pragma once

#include "protocol/common/secret.hpp"
#include "rotation/source.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation {

class VersionHash {
  public:
    // An empty key: a random one, so that versions compare within this process only.
    VersionHash(const protocol::Secret& key, Environment& environment);

    // 16 hexadecimal digits: the first 8 bytes of HMAC-SHA-256. May be called on any thread.
    std::string of(std::string_view username, std::string_view password, std::string_view endpoint = {}) const;
    std::string of(const Fetched& credential) const;

  private:
    protocol::Secret key_;
};

} // namespace rekey::rotation
