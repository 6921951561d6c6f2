// Reads configurations that MSE Nacos keeps encrypted, with the help of Alibaba Cloud's KMS.
#pragma once

#include "protocol/common/secret.hpp"

#include <functional>
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

} // namespace rekey::rotation
