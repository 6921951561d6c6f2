// Certificates that vouch for themselves, made for one test.
#pragma once

#include "rotation/descriptor.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace rekey::tests {

// PEM files `certificate` and `key`. `names` as openssl writes them: DNS:localhost,IP:127.0.0.1
inline void make_certificate(const std::string& certificate, const std::string& key, const std::string& names) {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
    std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_set_version(made.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 24 * 3600);
    auto* name = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(made.get(), name);
    X509_set_pubkey(made.get(), pair.get());
    auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(made.get(), extension, -1);
    X509_EXTENSION_free(extension);
    bool good = X509_sign(made.get(), pair.get(), EVP_sha256()) > 0;
    struct Close {
        void operator()(FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<FILE, Close> first(std::fopen(certificate.c_str(), "w")), second(std::fopen(key.c_str(), "w"));
    good = good && PEM_write_X509(first.get(), made.get()) == 1 &&
           PEM_write_PrivateKey(second.get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
    if (!good)
        std::abort();
}

// A server's; with `client_ca` clients must show a certificate from there.
inline std::shared_ptr<SSL_CTX> server_context(const std::string& certificate, const std::string& key,
                                               const std::string& client_ca = {}) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    bool good = SSL_CTX_use_certificate_file(context.get(), certificate.c_str(), SSL_FILETYPE_PEM) == 1 &&
                SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) == 1;
    if (!client_ca.empty()) {
        good = good && SSL_CTX_load_verify_file(context.get(), client_ca.c_str()) == 1;
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    if (!good)
        std::abort();
    return context;
}

} // namespace rekey::tests
