// The packets of a login. MySQL manual, "Connection Phase Packets", "COM_CHANGE_USER"; MariaDB, "Connecting".
//
// Writers append one whole packet and return the next sequence number; texts that end with NUL hold none. Readers take
// one payload, copy nothing but the nonce and return views into it; the caller has limited its length before.
#pragma once

#include "protocol/mysql/capabilities.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::mysql {

inline constexpr std::size_t nonce_size = 20;

// The first word is the server's. Whether it is a MariaDB shows in long_password, which MariaDB leaves out; only then
// are the capabilities above 32 bits sent and read.
struct Greeting {
    std::string_view server_version;
    std::uint32_t thread_id = 0;
    std::string nonce;
    Capabilities capabilities = 0;
    std::uint8_t collation = 0;
    Status status = mysql::status::autocommit;
    std::string_view plugin; // empty without PLUGIN_AUTH

    bool mariadb() const { return !(capabilities & capability::long_password); }
};
std::optional<Greeting> read_greeting(std::string_view payload);
std::uint8_t write_greeting(std::string& out, const Greeting& greeting);

// What the login of a connection leaves for one that comes behind it (COM_CHANGE_USER).
struct Greeted {
    bool mariadb = false;   // as by one
    bool bound = false;     // and so to servers of that kind, as the greeting was a server's own
    bool bare_data = false; // ClientHandshake::bare_data()
};

struct HandshakeResponse {
    Capabilities capabilities = 0; // with MariaDB's upper half, where the client sent one
    std::uint32_t max_packet = 0;
    std::uint8_t collation = 0;
    std::string_view user;
    std::string_view auth_response;
    std::string_view database;   // empty without CONNECT_WITH_DB
    std::string_view plugin;     // empty without PLUGIN_AUTH
    std::string_view attributes; // for ConnectionAttributes
    std::uint8_t zstd_level = 0; // 0: without ZSTD, or not said
};
// The payload of an SSLRequest: a HandshakeResponse that ends before the user.
inline constexpr std::size_t ssl_request_size = 32;
// What is left over at the end is not looked at, as servers do: clients append more than they announce.
std::optional<HandshakeResponse> read_handshake_response(std::string_view payload);
// Of any length: the capabilities at its start.
Capabilities read_client_capabilities(std::string_view payload);
std::uint8_t write_handshake_response(std::string& out, std::uint8_t sequence, const HandshakeResponse& response);
std::uint8_t write_ssl_request(std::string& out, std::uint8_t sequence, const HandshakeResponse& response);

// The fields behind the command's byte; `capabilities` are those of the connection.
struct ChangeUser {
    std::string_view user;
    std::string_view auth_response;
    std::string_view database;
    std::uint16_t collation = 0; // 0: not sent
    std::string_view plugin;
    std::string_view attributes;
};
std::optional<ChangeUser> read_change_user(std::string_view payload, Capabilities capabilities);
std::uint8_t write_change_user(std::string& out, Capabilities capabilities, const ChangeUser& change);

// First bytes of what the server sends while it authenticates, besides OK and ERR.
inline constexpr unsigned char auth_more_data_header = 0x01;
inline constexpr unsigned char auth_next_factor_header = 0x02;
inline constexpr unsigned char auth_switch_header = 0xfe;

struct AuthSwitch {
    std::string_view plugin, data;
};
// Absent also for the request without a plugin, which means the passwords of MySQL 4.0.
std::optional<AuthSwitch> read_auth_switch(std::string_view payload);
std::uint8_t write_auth_switch(std::string& out, std::uint8_t sequence, const AuthSwitch& request);
std::uint8_t write_auth_more_data(std::string& out, std::uint8_t sequence, std::string_view data);
// What the client answers: bytes as the plugin has them.
std::uint8_t write_auth_response(std::string& out, std::uint8_t sequence, std::string_view data);

// Pairs of length-encoded strings.
class ConnectionAttributes {
  public:
    explicit ConnectionAttributes(std::string_view block) : rest_(block) {}
    // False at the end, and from a malformed pair on.
    bool next(std::string_view& name, std::string_view& value);

  private:
    std::string_view rest_;
};
inline constexpr std::size_t attributes_size_max = 65535; // the server's own limit
std::string connection_attributes(const std::vector<std::pair<std::string, std::string>>& attributes);

} // namespace rekey::protocol::mysql
