// Byte scripts for the handshake tests: packets by hand, and drivers that play a machine whole or byte by byte.
#pragma once

#include "protocol/common/bytes.hpp"
#include "protocol/postgres/backend_handshake.hpp"
#include "protocol/postgres/client_handshake.hpp"
#include "protocol/postgres/messages.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

// A NUL-terminated pair list of literals: "user\0app\0" is written text("user", "app").
inline std::string text(std::initializer_list<std::string_view> parts) {
    std::string bytes;
    for (auto part : parts)
        Writer(bytes).text(part);
    return bytes;
}

inline std::string packet(std::uint32_t code, std::string_view body = {}) {
    std::string bytes;
    Writer(bytes).u32(static_cast<std::uint32_t>(8 + body.size())).u32(code).bytes(body);
    return bytes;
}

inline std::string startup(std::initializer_list<std::string_view> pairs, std::uint32_t version = version_3_0) {
    return packet(version, text(pairs) + std::string(1, '\0'));
}

inline std::string message(char type, std::string_view body = {}) {
    std::string bytes;
    Writer(bytes).u8(static_cast<std::uint8_t>(type)).u32(static_cast<std::uint32_t>(4 + body.size())).bytes(body);
    return bytes;
}

inline std::string authentication(std::uint32_t code, std::string_view data = {}) {
    std::string body;
    Writer(body).u32(code).bytes(data);
    return message('R', body);
}

struct Frame {
    char type;
    std::string body;
};

// Splits what a machine wrote to its peer; a plain 'S' or 'N' in front of it is the caller's to take off.
inline std::vector<Frame> frames(std::string_view bytes) {
    std::vector<Frame> found;
    Reader reader(bytes);
    while (reader.left() > 0) {
        auto type = static_cast<char>(reader.u8());
        auto length = reader.u32();
        found.push_back({type, std::string(reader.bytes(length - 4))});
        if (reader.failed())
            return {};
    }
    return found;
}

inline std::string types(std::string_view bytes) {
    std::string letters;
    for (const auto& frame : frames(bytes))
        letters += frame.type;
    return letters;
}

// The fields of the last message, which has to be an ErrorResponse; empty ones if it is not.
struct Error {
    std::string severity, sqlstate, text, detail;
};
inline Error last_error(std::string_view bytes) {
    auto all = frames(bytes);
    if (all.empty() || all.back().type != 'E')
        return {};
    auto fields = read_error_fields(all.back().body);
    return {std::string(fields.severity), std::string(fields.sqlstate), std::string(fields.message),
            std::string(fields.detail)};
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

template <typename Machine> typename Machine::Step fed(Machine& machine, std::string_view bytes) {
    return Feed<Machine>(machine)(bytes);
}

} // namespace rekey::protocol::postgres
