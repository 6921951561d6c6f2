// What the tests of BackendHandshake share: options of a login and a server by hand.
#pragma once

#include "protocol/mysql/backend_handshake.hpp"
#include "protocol/mysql/messages.hpp"
#include "tests/unit/protocol/mysql/handshake_scripts.hpp"

#include <string>
#include <string_view>

namespace rekey::protocol::mysql::server_scripts {

using namespace scripts;
using namespace std::string_literals;
using Step = BackendHandshake::Step;

inline const Secret password("secret");
inline const std::string nonce = "abcdefghijklmnopqrst", other_nonce = "ABCDEFGHIJKLMNOPQRST";
inline constexpr Capabilities mysql_capabilities = 0xdfffffff;
inline constexpr Capabilities mariadb_capabilities = 0x1d81fffffeull;
inline const std::string ok = "\0\0\0\x02\0\0\0"s;

inline std::string greeting(Capabilities capabilities = mysql_capabilities,
                            std::string_view plugin = "caching_sha2_password") {
    std::string out;
    write_greeting(out, {"9.7.4", 8, nonce, capabilities, 255, status::autocommit, plugin});
    return out;
}

inline std::string without_tls(std::string_view plugin = "caching_sha2_password") {
    return greeting(mysql_capabilities & ~capability::ssl, plugin);
}

inline std::string switch_to(std::string_view plugin, std::string_view data, std::uint8_t sequence = 2) {
    std::string out;
    write_auth_switch(out, sequence, {plugin, data});
    return out;
}

inline std::string error(std::uint16_t code, std::string_view text = "no", std::uint8_t sequence = 2) {
    std::string out;
    write_err(out, sequence, {code, "28000", text});
    return out;
}

inline BackendHandshakeOptions options(TlsWish tls = TlsWish::prefer) {
    BackendHandshakeOptions made;
    made.user = "app_b";
    made.database = "orders";
    made.password = &password;
    made.capabilities = capability::session_track | capability::deprecate_eof | capability::found_rows;
    made.tls = tls;
    return made;
}

// A server by hand.
class Server {
  public:
    explicit Server(BackendHandshakeOptions options, bool byte_by_byte = false)
        : machine(std::move(options)), feed(machine, byte_by_byte) {}

    Step say(std::string_view bytes) { return feed(bytes); }
    Step greet() { return feed(without_tls()); }
    // What the client sent last; one packet.
    Packet read() {
        auto all = packets(machine.take_output());
        return all.size() == 1 ? all[0] : Packet{};
    }
    HandshakeResponse read_response() {
        response_ = read().payload;
        return read_handshake_response(response_).value_or(HandshakeResponse{});
    }

    BackendHandshake machine;
    Feed<BackendHandshake> feed;

  private:
    std::string response_;
};

} // namespace rekey::protocol::mysql::server_scripts
