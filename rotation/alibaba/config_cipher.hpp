// Reads configurations that MSE Nacos keeps encrypted, with the help of Alibaba Cloud's KMS.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "rotation/alibaba/gateway.hpp"
#include "rotation/ports.hpp"

#include <functional>
#include <memory>
#include <string>

namespace rekey::rotation {

class ConfigCipher {
  public:
    virtual ~ConfigCipher() = default;
    // `done` gets the plaintext, or an error that says what is wrong and never holds a secret; on the control thread,
    // once, and not any more when the cipher has gone. `encrypted_data_key` may be empty where the kind of encryption
    // has none.
    virtual void decrypt(std::string data_id, std::string content, std::string encrypted_data_key,
                         std::function<void(protocol::Secret plain, std::string error)> done) = 0;
};

// For data ids that begin with cipher-kms-aes-256-, cipher-kms-aes-128- or another cipher-. A data key that was
// decrypted serves for a day, and an hour after its last use, while KMS cannot be reached. `timeout` is for each
// operation of KMS.
std::unique_ptr<ConfigCipher> make_config_cipher(std::shared_ptr<const config::AliyunKms> kms,
                                                 std::chrono::milliseconds timeout, Environment& environment,
                                                 const config::Environment& variables = config::process_environment(),
                                                 const alibaba::Patience& patience = {});

} // namespace rekey::rotation
