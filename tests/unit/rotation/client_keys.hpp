// Client keys of a KMS instance, made for one test.
#pragma once

#include "protocol/auth/base64.hpp"

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace rekey::tests {

class ClientKeyFile {
  public:
    // `algorithm` NID_undef: OpenSSL's default. The certificate lasts for `lasts` seconds from now on.
    ClientKeyFile(const std::string& id, const std::string& password, int algorithm = NID_undef, long lasts = 3600)
        : key_(EVP_RSA_gen(2048), EVP_PKEY_free) {
        std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
        X509_set_version(certificate.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), lasts);
        X509_set_pubkey(certificate.get(), key_.get());
        bool good = X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0;
        std::unique_ptr<PKCS12, decltype(&PKCS12_free)> file(PKCS12_create(password.c_str(), "test", key_.get(),
                                                                           certificate.get(), nullptr, algorithm,
                                                                           algorithm, 0, 0, 0),
                                                             PKCS12_free);
        unsigned char* bytes = nullptr;
        int size = file ? i2d_PKCS12(file.get(), &bytes) : 0;
        if (!good || size <= 0)
            std::abort();
        document_ = R"({"KeyId":")" + id + R"(","PrivateKeyData":")" +
                    protocol::auth::base64_encode({reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size)}) +
                    "\"}";
        OPENSSL_free(bytes);
    }

    const std::string& document() const { return document_; }

    bool verifies(const std::string& authorization, const std::string& text) const {
        if (!authorization.starts_with("Bearer "))
            return false;
        auto signature = protocol::auth::base64_decode(authorization.substr(7)).value_or("");
        std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
               EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                                signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                                text.size()) == 1;
    }

  private:
    std::shared_ptr<EVP_PKEY> key_;
    std::string document_;
};

} // namespace rekey::tests
