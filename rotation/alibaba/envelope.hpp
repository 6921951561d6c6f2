// How MSE Nacos encrypts a configuration: by a data key of its own and AES, or whole by KMS. Pure. Errors never hold a
// secret.
#pragma once

#include "protocol/common/secret.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation::alibaba {

enum class CipherKind {
    none,    // not encrypted
    aes_128, // cipher-kms-aes-128-
    aes_256, // cipher-kms-aes-256-
    whole,   // another cipher-: the content is what KMS's Encrypt has answered
    foreign, // cipher-aes-: of Nacos's own plugin
};
// By the beginning of the data id.
CipherKind kind_of(std::string_view data_id);

// The key of AES, of the base64 that KMS holds; `error` is empty where it is one of the kind's length.
protocol::Secret data_key(CipherKind kind, std::string_view base64, std::string& error);

// AES in ECB mode with PKCS #7 padding under base64: there is neither vector nor authentication, so that a wrong key is
// noticed by the padding, and by what is no UTF-8.
protocol::Secret decrypt_content(const protocol::Secret& key, std::string_view content, std::string& error);

// Without blanks and line ends at either end.
std::string without_blanks(std::string_view text);

} // namespace rekey::rotation::alibaba
