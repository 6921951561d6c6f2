// TLS towards stores: one context for each set of options, made anew when its files change.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct ssl_ctx_st;

namespace rekey::rotation::http {

struct TlsOptions {
    std::string ca;               // PEM file of authorities; neither this nor the next: the system's
    std::string ca_directory;     // a directory of them, by hash
    std::string certificate, key; // of the client; PEM files; empty: none
    std::string server_name;      // whom the certificate must be for, instead of the host of the URL
};

// TLS 1.2 at least; certificates are verified, there is no way to turn that off. May be used from any thread.
class TlsContext {
  public:
    explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}

    const std::string& server_name() const { return options_.server_name; }
    // Reads files when they changed since the last time. Null with a reason in `error`, which names the file.
    std::shared_ptr<ssl_ctx_st> get(std::string& error);

  private:
    std::string stamp() const; // of the files: differs when one of them was replaced or rewritten

    TlsOptions options_;
    std::mutex mutex_;
    std::string stamp_;
    std::shared_ptr<ssl_ctx_st> context_;
};

} // namespace rekey::rotation::http
