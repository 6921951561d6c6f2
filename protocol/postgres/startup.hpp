// The start-up packet, parsed. PostgreSQL manual 55.2.1, 55.7 (StartupMessage, NegotiateProtocolVersion).
#pragma once

#include "protocol/postgres/startup_options.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::protocol::postgres {

inline constexpr std::uint32_t startup_length_min = 8;     // the length word itself and the version
inline constexpr std::uint32_t startup_length_max = 10004; // PostgreSQL's limit of 10,000 bytes of body

struct Startup {
    std::uint32_t requested_version = 0, version = 0; // the second is what was agreed: 3.0 or 3.2
    std::string user, database;                       // the database defaults to the user
    // What the client's session starts with: those of `options` first, then the others, each name (in any case) once
    // and the last value counts; the order PostgreSQL applies them in.
    Parameters parameters;
    std::vector<std::string> unknown_protocol_options; // _pq_.…: none is known yet
    bool replication = false;

    bool needs_negotiation() const { return version != requested_version || !unknown_protocol_options.empty(); }
};

// Why a start-up packet was refused; goes to the client as it is.
struct StartupFault {
    std::string sqlstate, message, hint;
};

// `body` is the packet without its length. Absent: `fault` says why.
std::optional<Startup> read_startup(std::string_view body, StartupFault& fault);

} // namespace rekey::protocol::postgres
