#include "proxy/admin/listener_certificate.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace rekey::proxy::admin {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Extension = std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

constexpr long lifetime_seconds = 10L * 365 * 24 * 3600;
constexpr long backdated_seconds = 3600; // clients whose clock is behind
constexpr long version_3 = 2;            // X.509 counts versions from 0

void require(bool ok, const char* what) {
    if (!ok)
        throw std::runtime_error(std::string("cannot make a certificate: ") + what);
}

void add_extension(X509* certificate, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value), X509_EXTENSION_free);
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

void set_serial(X509* certificate) {
    unsigned char bytes[8];
    require(RAND_bytes(bytes, sizeof bytes) == 1, "random serial number");
    std::uint64_t serial = 0;
    for (auto byte : bytes)
        serial = serial << 8 | byte;
    require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1, "serial number");
}

void set_name(X509* certificate) {
    auto* name = X509_get_subject_name(certificate);
    auto* text = reinterpret_cast<const unsigned char*>("Rekey self-signed");
    require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1, "name");
    require(X509_set_issuer_name(certificate, name) == 1, "issuer");
}

std::string pem_of(X509* certificate, EVP_PKEY* key) {
    Memory out(BIO_new(BIO_s_mem()), BIO_free_all);
    require(out && PEM_write_bio_X509(out.get(), certificate) == 1, "PEM");
    require(PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "PEM key");
    char* data = nullptr;
    auto size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

} // namespace

std::string make_listener_certificate() {
    Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    Certificate certificate(X509_new(), X509_free);
    require(key && certificate, "key");
    require(X509_set_version(certificate.get(), version_3) == 1, "version");
    set_serial(certificate.get());
    set_name(certificate.get());
    require(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -backdated_seconds) != nullptr &&
                X509_gmtime_adj(X509_getm_notAfter(certificate.get()), lifetime_seconds) != nullptr,
            "validity");
    require(X509_set_pubkey(certificate.get(), key.get()) == 1, "public key");
    add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
    add_extension(certificate.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "signature");
    return pem_of(certificate.get(), key.get());
}

} // namespace rekey::proxy::admin
