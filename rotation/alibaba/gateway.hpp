// Alibaba Cloud's KMS, whichever way it is reached: the shared gateway or an instance's with RAM keys, or an instance's
// with a client key.
//
// Blocking, one thread at a time; cancel() may come from any. No error holds a secret.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "rotation/alibaba/answers.hpp"
#include "rotation/ports.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace rekey::rotation::alibaba {

// Why something was not done; empty: it was.
struct Outcome {
    std::string error;         // store, address, status, reason
    bool store_failed = false; // not for want of permission: it gave no answer, throttles, or has failed
};

class Gateway {
  public:
    virtual ~Gateway() = default;
    // `blob` is what encryption answered, as text. The plaintext is what was given to it: for a data key, base64.
    virtual Outcome decrypt(const std::string& blob, WallTime now, protocol::Secret& plaintext) = 0;
    virtual Outcome secret_value(const std::string& name, const std::string& stage, WallTime now,
                                 SecretValue& value) = 0;
    // Whether rotate_secret() can be had here.
    virtual bool rotates() const = 0;
    // Starts the rotation that makes `version`; once for each version, however often it is asked for.
    virtual Outcome rotate_secret(const std::string& name, const std::string& version, WallTime now) = 0;
    // Sleeps, or less when cancelled; false: cancelled.
    virtual bool pause(std::chrono::milliseconds span) = 0;
    virtual void cancel() = 0;
};

// Tests have less patience.
struct Patience {
    std::chrono::milliseconds unit{1000};     // of the pauses between attempts
    std::chrono::milliseconds metadata{1000}; // time-out of each request for a role's keys
};

// Control thread. `store` is what errors begin with, `timeout` is for each operation, its attempts and pauses.
std::unique_ptr<Gateway> make_gateway(std::shared_ptr<const config::AliyunKms> kms, const std::string& store,
                                      std::chrono::milliseconds timeout, Environment& environment,
                                      const config::Environment& variables, const Patience& patience);

} // namespace rekey::rotation::alibaba
