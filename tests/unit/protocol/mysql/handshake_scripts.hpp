// Byte scripts for the handshake tests: packets by hand, and a driver that plays a machine whole or byte by byte.
#pragma once

#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/messages_login.hpp"
#include "protocol/mysql/packet.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::mysql::scripts {

inline std::string packet(std::uint8_t sequence, std::string_view payload) {
    std::string bytes;
    PacketWriter(bytes, sequence).bytes(payload).end();
    return bytes;
}

struct Packet {
    std::uint8_t sequence;
    std::string payload;
};

// Splits what a machine wrote to its peer.
inline std::vector<Packet> packets(std::string_view bytes) {
    std::vector<Packet> found;
    while (bytes.size() >= packet_header_size) {
        auto header = read_packet_header(bytes.data());
        if (bytes.size() < packet_header_size + header.size)
            return {};
        found.push_back({header.sequence, std::string(bytes.substr(packet_header_size, header.size))});
        bytes.remove_prefix(packet_header_size + header.size);
    }
    return found;
}

// The last packet, which has to be an ERR; code 0 if it is none.
struct Error {
    std::uint8_t sequence;
    std::uint16_t code;
    std::string sqlstate, text;
};
inline Error last_error(std::string_view bytes) {
    auto all = packets(bytes);
    if (all.empty())
        return {};
    auto err = read_err(all.back().payload);
    if (!err)
        return {};
    return {all.back().sequence, err->code, std::string(err->sqlstate), std::string(err->message)};
}

// Feeds a machine as a connection does: what it did not consume comes again, with more behind it.
template <typename Machine> class Feed {
  public:
    explicit Feed(Machine& machine, bool byte_by_byte = false) : machine_(machine), byte_by_byte_(byte_by_byte) {}

    typename Machine::Step operator()(std::string_view bytes) {
        if (!byte_by_byte_)
            return add(bytes);
        auto step = add({});
        for (std::size_t i = 0; i < bytes.size(); ++i)
            step = add(bytes.substr(i, 1));
        return step;
    }
    const std::string& unread() const { return unread_; }
    void forget() { unread_.clear(); } // somebody else read it

  private:
    typename Machine::Step add(std::string_view bytes) {
        unread_ += bytes;
        std::size_t consumed = 0;
        auto step = machine_.next(unread_, consumed);
        unread_.erase(0, consumed);
        return step;
    }

    Machine& machine_;
    bool byte_by_byte_;
    std::string unread_;
};

} // namespace rekey::protocol::mysql::scripts
