#include "rotation/http/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

namespace rekey::rotation::http {

namespace {

std::string because(const std::string& what) {
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    auto text = what + (reason != nullptr ? ": " + std::string(reason) : std::string());
    ERR_clear_error();
    return text;
}

// Empty, or what is wrong.
std::string load_authorities(SSL_CTX* context, const TlsOptions& options) {
    if (options.ca.empty() && options.ca_directory.empty())
        return SSL_CTX_set_default_verify_paths(context) == 1 ? "" : because("cannot read the system's authorities");
    if (!options.ca.empty() && SSL_CTX_load_verify_file(context, options.ca.c_str()) != 1)
        return because("cannot read the authorities in " + options.ca);
    if (!options.ca_directory.empty() && SSL_CTX_load_verify_dir(context, options.ca_directory.c_str()) != 1)
        return because("cannot use the authorities in " + options.ca_directory);
    return {};
}

std::string load_own_certificate(SSL_CTX* context, const TlsOptions& options) {
    if (options.certificate.empty())
        return {};
    if (SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()) != 1)
        return because("cannot read the certificate " + options.certificate);
    if (SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return because("cannot use the key " + options.key);
    return {};
}

} // namespace

std::string TlsContext::stamp() const {
    std::string text;
    for (const auto* file : {&options_.ca, &options_.ca_directory, &options_.certificate, &options_.key}) {
        struct stat status{};
        if (file->empty() || ::stat(file->c_str(), &status) != 0) {
            text += "-;";
            continue;
        }
        for (auto number :
             {static_cast<long long>(status.st_ino), static_cast<long long>(status.st_size),
              static_cast<long long>(status.st_mtim.tv_sec), static_cast<long long>(status.st_mtim.tv_nsec)})
            text += std::to_string(number) + ",";
        text += ";";
    }
    return text;
}

std::shared_ptr<ssl_ctx_st> TlsContext::get(std::string& error) {
    std::lock_guard lock(mutex_);
    auto now = stamp();
    if (context_ && now == stamp_)
        return context_;
    ERR_clear_error();
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
        error = because("cannot make a TLS context");
        return nullptr;
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    // A key with a pass phrase is an error, not a question on the terminal.
    SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
    error = load_authorities(context.get(), options_);
    if (error.empty())
        error = load_own_certificate(context.get(), options_);
    if (!error.empty())
        return nullptr;
    context_ = std::move(context);
    stamp_ = std::move(now);
    return context_;
}

} // namespace rekey::rotation::http
