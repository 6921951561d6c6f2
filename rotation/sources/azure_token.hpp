// Access tokens of Entra ID for Azure's Key Vault: of a managed identity (a virtual machine's metadata, App Service),
// for a federated token (AKS workload identity) or for a client secret.
//
// Blocking, one thread at a time; cancel() may come from any.
#pragma once

#include "rotation/http/client.hpp"
#include "rotation/sources/token_cache.hpp"

namespace rekey::rotation {

// What the token is for: the vaults of the cloud in which this one is.
std::string azure_resource(const config::Azure& azure);

class AzureTokens {
  public:
    // `client` is for Entra ID; a managed identity's endpoint is asked without a proxy.
    AzureTokens(std::shared_ptr<const config::Azure> azure, std::chrono::milliseconds timeout,
                http::ClientOptions client);

    TokenReply ask(const Moment& moment);
    void cancel();

  private:
    TokenReply of_machine(const Moment& moment);
    TokenReply of_application(const Moment& moment);

    std::shared_ptr<const config::Azure> azure_;
    std::chrono::milliseconds timeout_;
    std::string name_; // what errors begin with
    http::Client machine_, service_;
};

} // namespace rekey::rotation
