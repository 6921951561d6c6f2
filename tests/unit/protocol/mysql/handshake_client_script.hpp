// What the tests of ClientHandshake share: options, records and a client by hand.
#pragma once

#include "protocol/mysql/client_handshake.hpp"
#include "tests/unit/protocol/mysql/handshake_scripts.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::mysql::client_scripts {

using namespace scripts;
using Step = ClientHandshake::Step;

inline const std::string mock_secret(32, 'm');
inline constexpr Capabilities offered = capability::long_password | capability::connect_with_db |
                                        capability::connect_attrs | capability::session_track |
                                        capability::deprecate_eof;
inline constexpr Capabilities asked = offered | capability::protocol_41 | capability::secure_connection |
                                      capability::plugin_auth | capability::plugin_auth_lenenc |
                                      capability::local_files;

inline ClientHandshakeOptions options() {
    ClientHandshakeOptions made;
    made.server_version = "8.4.9";
    made.thread_id = 77;
    made.capabilities = offered;
    made.client_host = "10.0.0.9";
    made.mock_secret = mock_secret;
    return made;
}

inline ClientHandshakeOptions tls_options(bool required = false) {
    auto made = options();
    made.tls_offered = true;
    made.tls_required = required;
    return made;
}

inline UserRecord record(Methods methods = {.caching_sha2 = true}) {
    UserRecord made;
    made.verifiers = auth::MysqlVerifiers::of_password("secret");
    made.methods = methods;
    return made;
}

// A client by hand: it reads the greeting and answers it.
class Client {
  public:
    explicit Client(const ClientHandshakeOptions& options, bool byte_by_byte = false)
        : machine(options), feed(machine, byte_by_byte) {
        greeting_bytes_ = packets(machine.take_output()).at(0).payload;
        greeting = *read_greeting(greeting_bytes_);
        nonce = greeting.nonce;
        response.capabilities = asked;
        response.collation = 45;
        response.user = "app";
        response.database = "orders";
        response.plugin = "caching_sha2_password";
    }

    Step send_response(std::string_view answer) {
        response.auth_response = answer;
        std::string bytes;
        sequence = write_handshake_response(bytes, sequence, response);
        return feed(bytes);
    }
    Step start_tls(TlsFacts facts = {}) {
        auto request = response;
        request.capabilities |= capability::ssl;
        std::string bytes;
        sequence = write_ssl_request(bytes, sequence, request);
        auto step = feed(bytes);
        if (step == Step::start_tls)
            machine.tls_established(std::move(facts));
        return step;
    }
    // With the right password for the greeting's nonce.
    Step log_in(std::optional<UserRecord> user) {
        EXPECT_EQ(send_response(auth::caching_sha2_response("secret", nonce)), Step::lookup);
        machine.user_found(std::move(user));
        return feed("");
    }
    // What the server sent last.
    Packet read() {
        auto all = packets(machine.take_output());
        if (all.size() != 1)
            return {};
        sequence = static_cast<std::uint8_t>(all[0].sequence + 1);
        return all[0];
    }
    Step send(std::string_view payload) { return feed(packet(sequence++, payload)); }
    Error error() { return last_error(machine.take_output()); }
    std::vector<Packet> reply() {
        std::string out;
        machine.login_reply(out);
        return packets(out);
    }

    ClientHandshake machine;
    Feed<ClientHandshake> feed;
    Greeting greeting;
    std::string nonce;
    HandshakeResponse response;
    std::uint8_t sequence = 1;

  private:
    std::string greeting_bytes_;
};

} // namespace rekey::protocol::mysql::client_scripts
