#include "protocol/auth/end_point.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>

namespace rekey::protocol::auth {
namespace {

struct Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Certificate unsigned_certificate(EVP_PKEY* key) {
    Certificate made(X509_new());
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_set_pubkey(made.get(), key);
    return made;
}

Certificate certificate(EVP_PKEY* key, const EVP_MD* hash) {
    auto made = unsigned_certificate(key);
    EXPECT_GT(X509_sign(made.get(), key, hash), 0);
    return made;
}

std::string digest(const Certificate& certificate, const EVP_MD* hash) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EXPECT_EQ(X509_digest(certificate.get(), hash, bytes, &size), 1);
    return {reinterpret_cast<const char*>(bytes), size};
}

TEST(TlsServerEndPoint, UsesTheHashOfTheSignature) {
    Key key(EVP_EC_gen("P-256"));
    for (const auto* hash : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
        auto made = certificate(key.get(), hash);
        EXPECT_EQ(tls_server_end_point(made.get()), digest(made, hash));
    }
}

TEST(TlsServerEndPoint, UsesSha256InPlaceOfSha1) {
    Key key(EVP_EC_gen("P-256"));
    auto made = certificate(key.get(), EVP_sha1());
    EXPECT_EQ(tls_server_end_point(made.get()), digest(made, EVP_sha256()));
}

TEST(TlsServerEndPoint, FindsTheHashOfAnRsaPssSignature) {
    Key key(EVP_RSA_gen(1024));
    auto made = unsigned_certificate(key.get());
    std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    ASSERT_EQ(EVP_DigestSignInit(context.get(), &options, EVP_sha384(), nullptr, key.get()), 1);
    ASSERT_GT(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 0);
    ASSERT_GT(X509_sign_ctx(made.get(), context.get()), 0);
    EXPECT_EQ(tls_server_end_point(made.get()), digest(made, EVP_sha384()));
}

TEST(TlsServerEndPoint, IsEmptyWhereTheSignatureHasNoHash) {
    Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    auto made = certificate(key.get(), nullptr);
    EXPECT_EQ(tls_server_end_point(made.get()), "");
}

} // namespace
} // namespace rekey::protocol::auth
