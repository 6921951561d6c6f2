// Access tokens for Google Cloud: of the metadata server, or for a service account's key.
//
// Blocking, one thread at a time; cancel() may come from any.
#pragma once

#include "rotation/http/client.hpp"
#include "rotation/sources/token_cache.hpp"

namespace rekey::rotation {

class GcpTokens {
  public:
    // `client` is for Google's token service; the metadata server is asked without a proxy.
    GcpTokens(std::shared_ptr<const config::Gcp> gcp, std::chrono::milliseconds timeout, http::ClientOptions client);

    TokenReply ask(const Moment& moment);
    // The project of the key file; empty: it names none, there is none, or it cannot be read, which sets `error`.
    std::string project(std::string& error) const;
    void cancel();

  private:
    TokenReply of_metadata(const Moment& moment);
    TokenReply of_key(const Moment& moment);

    std::shared_ptr<const config::Gcp> gcp_;
    std::chrono::milliseconds timeout_;
    std::string name_; // what errors begin with
    http::Client metadata_, service_;
};

} // namespace rekey::rotation
