#include "protocol/mysql/messages_login.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/mysql/packet.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

constexpr std::uint8_t protocol_version = 10;
constexpr std::size_t nonce_start = 8; // bytes of the nonce that are sent first
constexpr std::size_t reserved_mysql = 6, filler = 19;

std::uint32_t upper_half(Capabilities capabilities) {
    return static_cast<std::uint32_t>(capabilities >> 32);
}

// The part that an SSLRequest has, too.
void put_head(PacketWriter& writer, const HandshakeResponse& response) {
    bool mariadb = !(response.capabilities & capability::long_password);
    writer.u32(static_cast<std::uint32_t>(response.capabilities)).u32(response.max_packet).u8(response.collation);
    writer.zeros(filler).u32(mariadb ? upper_half(response.capabilities) : 0);
}

} // namespace

std::optional<Greeting> read_greeting(std::string_view payload) {
    PacketReader reader(payload);
    Greeting greeting;
    if (reader.u8() != protocol_version)
        return std::nullopt;
    greeting.server_version = reader.text();
    greeting.thread_id = reader.u32();
    greeting.nonce = reader.bytes(nonce_start);
    reader.u8();
    greeting.capabilities = reader.u16();
    greeting.collation = reader.u8();
    greeting.status = reader.u16();
    greeting.capabilities |= Capabilities{reader.u16()} << 16;
    std::size_t nonce_length = reader.u8(); // with a NUL
    reader.bytes(reserved_mysql);
    auto extended = reader.u32();
    if (greeting.mariadb())
        greeting.capabilities |= Capabilities{extended} << 32;
    auto rest = reader.bytes(std::max<std::size_t>(13, nonce_length > nonce_start ? nonce_length - nonce_start : 0));
    greeting.nonce += rest.substr(0, std::min(rest.size(), nonce_size - nonce_start));
    if (greeting.capabilities & capability::plugin_auth)
        greeting.plugin = reader.text_or_rest();
    if (reader.failed())
        return std::nullopt;
    return greeting;
}

std::uint8_t write_greeting(std::string& out, const Greeting& greeting) {
    REKEY_ASSERT(greeting.nonce.size() == nonce_size);
    std::string_view nonce = greeting.nonce;
    PacketWriter writer(out, 0);
    writer.u8(protocol_version).text(greeting.server_version).u32(greeting.thread_id);
    writer.bytes(nonce.substr(0, nonce_start)).u8(0).u16(greeting.capabilities & 0xffff);
    writer.u8(greeting.collation).u16(greeting.status).u16(greeting.capabilities >> 16 & 0xffff).u8(nonce_size + 1);
    writer.zeros(reserved_mysql).u32(greeting.mariadb() ? upper_half(greeting.capabilities) : 0);
    return writer.bytes(nonce.substr(nonce_start)).u8(0).text(greeting.plugin).end();
}

Capabilities read_client_capabilities(std::string_view payload) {
    return PacketReader(payload).u32();
}

std::optional<HandshakeResponse> read_handshake_response(std::string_view payload) {
    PacketReader reader(payload);
    HandshakeResponse response;
    response.capabilities = reader.u32();
    response.max_packet = reader.u32();
    response.collation = reader.u8();
    reader.bytes(filler);
    auto extended = reader.u32();
    if (!(response.capabilities & capability::long_password))
        response.capabilities |= Capabilities{extended} << 32;
    response.user = reader.text();
    if (response.capabilities & capability::plugin_auth_lenenc)
        response.auth_response = reader.lenenc_text();
    else
        response.auth_response = reader.bytes(reader.u8());
    // Servers do without the last NUL, and without fields that are not there.
    if (response.capabilities & capability::connect_with_db)
        response.database = reader.text_or_rest();
    if (response.capabilities & capability::plugin_auth)
        response.plugin = reader.text_or_rest();
    if (response.capabilities & capability::connect_attrs && reader.left() > 0)
        response.attributes = reader.lenenc_text();
    if (response.capabilities & capability::zstd && reader.left() > 0)
        response.zstd_level = reader.u8();
    if (reader.failed() || response.attributes.size() > attributes_size_max)
        return std::nullopt;
    return response;
}

std::uint8_t write_handshake_response(std::string& out, std::uint8_t sequence, const HandshakeResponse& response) {
    PacketWriter writer(out, sequence);
    put_head(writer, response);
    writer.text(response.user);
    if (response.capabilities & capability::plugin_auth_lenenc) {
        writer.lenenc_text(response.auth_response);
    } else {
        REKEY_ASSERT(response.auth_response.size() <= 255);
        writer.u8(response.auth_response.size()).bytes(response.auth_response);
    }
    if (response.capabilities & capability::connect_with_db)
        writer.text(response.database);
    if (response.capabilities & capability::plugin_auth)
        writer.text(response.plugin);
    if (response.capabilities & capability::connect_attrs)
        writer.lenenc_text(response.attributes);
    if (response.capabilities & capability::zstd)
        writer.u8(response.zstd_level);
    return writer.end();
}

std::uint8_t write_ssl_request(std::string& out, std::uint8_t sequence, const HandshakeResponse& response) {
    PacketWriter writer(out, sequence);
    put_head(writer, response);
    return writer.end();
}

std::optional<ChangeUser> read_change_user(std::string_view payload, Capabilities capabilities) {
    PacketReader reader(payload);
    ChangeUser change;
    change.user = reader.text();
    change.auth_response = reader.bytes(reader.u8());
    change.database = reader.text_or_rest();
    if (reader.left() >= 2)
        change.collation = reader.u16();
    if (capabilities & capability::plugin_auth && reader.left() > 0)
        change.plugin = reader.text_or_rest();
    if (capabilities & capability::connect_attrs && reader.left() > 0)
        change.attributes = reader.lenenc_text();
    if (reader.failed() || change.attributes.size() > attributes_size_max)
        return std::nullopt;
    return change;
}

std::uint8_t write_change_user(std::string& out, Capabilities capabilities, const ChangeUser& change) {
    REKEY_ASSERT(change.auth_response.size() <= 255);
    PacketWriter writer(out, 0);
    writer.u8(static_cast<std::uint8_t>(Command::change_user)).text(change.user);
    writer.u8(change.auth_response.size()).bytes(change.auth_response).text(change.database).u16(change.collation);
    if (capabilities & capability::plugin_auth)
        writer.text(change.plugin);
    if (capabilities & capability::connect_attrs)
        writer.lenenc_text(change.attributes);
    return writer.end();
}

std::optional<AuthSwitch> read_auth_switch(std::string_view payload) {
    PacketReader reader(payload);
    if (reader.u8() != auth_switch_header || reader.left() == 0)
        return std::nullopt;
    AuthSwitch request;
    request.plugin = reader.text_or_rest();
    request.data = reader.rest();
    if (request.plugin.empty())
        return std::nullopt;
    return request;
}

std::uint8_t write_auth_switch(std::string& out, std::uint8_t sequence, const AuthSwitch& request) {
    return PacketWriter(out, sequence).u8(auth_switch_header).text(request.plugin).bytes(request.data).end();
}

std::uint8_t write_auth_more_data(std::string& out, std::uint8_t sequence, std::string_view data) {
    return PacketWriter(out, sequence).u8(auth_more_data_header).bytes(data).end();
}

std::uint8_t write_auth_response(std::string& out, std::uint8_t sequence, std::string_view data) {
    return PacketWriter(out, sequence).bytes(data).end();
}

bool ConnectionAttributes::next(std::string_view& name, std::string_view& value) {
    PacketReader reader(rest_);
    name = reader.lenenc_text();
    value = reader.lenenc_text();
    rest_ = reader.rest();
    return !reader.failed();
}

std::string connection_attributes(const std::vector<std::pair<std::string, std::string>>& attributes) {
    std::string packet;
    PacketWriter writer(packet, 0);
    for (const auto& [name, value] : attributes)
        writer.lenenc_text(name).lenenc_text(value);
    return packet.substr(packet_header_size);
}

} // namespace rekey::protocol::mysql
