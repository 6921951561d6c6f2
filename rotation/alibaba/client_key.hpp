// A client key of a KMS instance: {"KeyId": "KAAP.…", "PrivateKeyData": base64 of a PKCS #12 file}, and its password.
#pragma once

#include "protocol/common/secret.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace rekey::rotation::alibaba {

class ClientKey {
  public:
    // Nothing, with a reason in `error`, which never holds a secret. PKCS #12 files of old algorithms (RC2, 3DES) are
    // read, too, where OpenSSL's legacy provider is installed.
    static std::optional<ClientKey> parse(std::string_view document, std::string_view password, std::string& error);

    const std::string& id() const { return id_; }
    // Base64 of the RSASSA-PKCS1-v1_5 signature over the text's SHA-256.
    std::string sign(std::string_view text) const;

  private:
    ClientKey() = default;

    std::string id_;
    std::shared_ptr<evp_pkey_st> key_;
};

} // namespace rekey::rotation::alibaba
