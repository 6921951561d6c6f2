#include "protocol/auth/end_point.hpp"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

namespace rekey::protocol::auth {

// X509_get_signature_info() knows RSA-PSS, too. It caches in the certificate, hence not const.
std::string tls_server_end_point(X509* certificate) {
    int hash_id = NID_undef;
    if (X509_get_signature_info(certificate, &hash_id, nullptr, nullptr, nullptr) != 1)
        return {};
    if (hash_id == NID_md5 || hash_id == NID_sha1)
        hash_id = NID_sha256;
    const auto* hash = hash_id == NID_undef ? nullptr : EVP_get_digestbynid(hash_id);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (hash == nullptr || X509_digest(certificate, hash, digest, &size) != 1)
        return {};
    return {reinterpret_cast<const char*>(digest), size};
}

} // namespace rekey::protocol::auth
