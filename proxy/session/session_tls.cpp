// TLS of a client session, from the first byte to what its peer is known by.
#include "proxy/session/client_session.hpp"

namespace rekey::proxy {

// A ClientHello without a word before it: looked at, and left in the socket for OpenSSL.
bool ClientSession::direct_tls() {
    constexpr char handshake_record = 0x16;
    auto first = peek();
    if (!first)
        return false;
    first_byte_seen_ = true;
    std::size_t consumed = 0;
    if (*first != handshake_record || login_ == nullptr || tls())
        return false;
    if (login_->next({&handshake_record, 1}, consumed) != ClientLogin::Step::start_tls) {
        write(std::string_view(login_->take_output()));
        login_failed();
        return true;
    }
    start_tls(net::Ssl(SSL_new(worker_.runtime().listener_tls.at(listener_).get())), true);
    return true;
}

void ClientSession::on_tls(bool established) {
    if (!established) {
        count(worker_.counters().client_errors, "tls_handshake");
        worker_.log(rotation::LogLevel::info,
                    "client refused address=" + peer_.text() + " reason=\"TLS: " + net::tls_error() + "\"");
        return end("tls_handshake");
    }
    login_->tls_established(peer_tls());
    feed({});
}

PeerTls ClientSession::peer_tls() {
    PeerTls peer;
    if (!tls())
        return peer;
    peer.end_point_hash = net::end_point_hash(SSL_get_certificate(ssl()));
    peer.certificate_sha256 = net::sha256_of(SSL_get_certificate(ssl()));
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl(), &alpn, &size);
    peer.alpn.assign(reinterpret_cast<const char*>(alpn), size);
    std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl()), X509_free);
    if (certificate && SSL_get_verify_result(ssl()) == X509_V_OK)
        peer.certificate_name = net::common_name(certificate.get());
    return peer;
}

} // namespace rekey::proxy
