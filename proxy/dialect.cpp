#include "proxy/dialect.hpp"

#include "protocol/common/assert.hpp"

namespace rekey::proxy {

std::unique_ptr<ClientLogin> Dialect::client_login_anew(const ClientLoginOptions&, PeerTls,
                                                        const protocol::ClientExchange&) {
    REKEY_ASSERT(false); // its exchanges do not ask for it
}

std::string Dialect::login_obstacle(const ClientLogin&, const std::string&) const {
    return {}; // its clients speak first
}

protocol::Multiplexing multiplexing_of(config::PoolMode mode) {
    switch (mode) {
    case config::PoolMode::automatic:
        return protocol::Multiplexing::automatic;
    case config::PoolMode::session:
        return protocol::Multiplexing::session;
    case config::PoolMode::transaction:
        return protocol::Multiplexing::transaction;
    case config::PoolMode::statement:
        return protocol::Multiplexing::statement;
    }
    REKEY_ASSERT(false);
}

protocol::TlsWish tls_wish_of(config::UpstreamTls mode) {
    switch (mode) {
    case config::UpstreamTls::disable:
        return protocol::TlsWish::none;
    case config::UpstreamTls::prefer:
        return protocol::TlsWish::prefer;
    case config::UpstreamTls::require:
    case config::UpstreamTls::verify_ca:
    case config::UpstreamTls::verify_full:
        return protocol::TlsWish::require;
    }
    REKEY_ASSERT(false);
}

} // namespace rekey::proxy
