#include "proxy/net/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <cstring>
#include <stdexcept>

namespace rekey::proxy::net {

namespace {

// The protocol's name as ALPN has it: a length byte and the text.
constexpr unsigned char alpn_postgresql[] = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                void*) {
    unsigned char* selected = nullptr;
    if (SSL_select_next_proto(&selected, out_size, alpn_postgresql, sizeof alpn_postgresql, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; // no_application_protocol
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

[[noreturn]] void fail(const std::string& what, const std::string& file) {
    throw std::runtime_error(what + " " + file + ": " + tls_error());
}

void common_options(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Idle connections hold no 34 KiB of buffers; one recv serves header and body of a record.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
}

void use_pem(SSL_CTX* context, const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bool used = certificate != nullptr && key != nullptr && SSL_CTX_use_certificate(context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (!used)
        fail("cannot use", "the self-signed certificate");
}

} // namespace

std::string tls_error() {
    auto code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0)
        return "connection closed";
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "error " + std::to_string(code);
}

TlsContext make_listener_context(const config::ListenerTlsOptions& options, const std::string& pem) {
    if (options.mode == config::ListenerTls::disable || (options.certificate.empty() && pem.empty()))
        return nullptr;
    TlsContext context(SSL_CTX_new(TLS_server_method()), ContextDeleter{});
    common_options(context.get());
    if (options.certificate.empty()) {
        use_pem(context.get(), pem);
    } else {
        if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate.c_str()) != 1)
            fail("cannot read the certificate", options.certificate);
        if (SSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1)
            fail("cannot read the key", options.key);
        if (SSL_CTX_check_private_key(context.get()) != 1)
            fail("the certificate does not fit the key", options.key);
    }
    SSL_CTX_set_alpn_select_cb(context.get(), select_alpn, nullptr);
    static constexpr unsigned char session_context[] = "rekey";
    SSL_CTX_set_session_id_context(context.get(), session_context, sizeof session_context - 1);
    if (!options.client_ca.empty()) {
        if (SSL_CTX_load_verify_file(context.get(), options.client_ca.c_str()) != 1)
            fail("cannot read the client CA", options.client_ca);
        SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(options.client_ca.c_str()));
        int required = options.mode == config::ListenerTls::verify ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | required, nullptr);
    }
    return context;
}

TlsContext make_upstream_context(const std::string& ca, config::UpstreamTls mode) {
    if (mode == config::UpstreamTls::disable)
        return nullptr;
    TlsContext context(SSL_CTX_new(TLS_client_method()), ContextDeleter{});
    common_options(context.get());
    if (mode == config::UpstreamTls::verify_ca || mode == config::UpstreamTls::verify_full) {
        if (ca.empty() ? SSL_CTX_set_default_verify_paths(context.get()) != 1
                       : SSL_CTX_load_verify_file(context.get(), ca.c_str()) != 1)
            fail("cannot read the CA", ca.empty() ? "of the system" : ca);
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    }
    SSL_CTX_set_alpn_protos(context.get(), alpn_postgresql, sizeof alpn_postgresql);
    return context;
}

Ssl make_client_ssl(SSL_CTX* context, const config::Address& host, config::UpstreamTls mode) {
    Ssl ssl(SSL_new(context));
    unsigned char ignored[16];
    bool numeric =
        inet_pton(AF_INET, host.host.c_str(), ignored) == 1 || inet_pton(AF_INET6, host.host.c_str(), ignored) == 1;
    if (!numeric && !host.host.empty())
        SSL_set_tlsext_host_name(ssl.get(), host.host.c_str());
    if (mode == config::UpstreamTls::verify_full) {
        auto* parameters = SSL_get0_param(ssl.get());
        if (numeric)
            X509_VERIFY_PARAM_set1_ip_asc(parameters, host.host.c_str());
        else
            X509_VERIFY_PARAM_set1_host(parameters, host.host.c_str(), 0);
    }
    return ssl;
}

std::string end_point_hash(X509* certificate) {
    if (certificate == nullptr)
        return {};
    int digest_nid = NID_undef, key_nid = NID_undef;
    if (X509_get_signature_info(certificate, &digest_nid, &key_nid, nullptr, nullptr) != 1 || digest_nid == NID_undef)
        return {};
    const EVP_MD* digest =
        digest_nid == NID_md5 || digest_nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest_nid);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (digest == nullptr || X509_digest(certificate, digest, hash, &size) != 1)
        return {};
    return {reinterpret_cast<char*>(hash), size};
}

std::string sha256_of(X509* certificate) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), hash, &size) != 1)
        return {};
    return {reinterpret_cast<char*>(hash), size};
}

std::string common_name(X509* certificate) {
    if (certificate == nullptr)
        return {};
    auto* name = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return {}; // none, or more than one: nobody
    unsigned char* text = nullptr;
    int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0)
        return {};
    std::string value(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return value.find('\0') == std::string::npos ? value : std::string();
}

} // namespace rekey::proxy::net
