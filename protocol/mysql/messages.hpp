// The packets that end a command, and what they carry: OK, ERR, EOF, session state. MySQL manual, "Generic Response
// Packets"; MariaDB, "OK_Packet", "ERR_Packet", "EOF_Packet".
//
// Writers append one whole packet to a string the caller owns and return the next sequence number. Readers take one
// payload (without its header), copy nothing and return views into it; the caller has limited its length before.
#pragma once

#include "protocol/mysql/capabilities.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

// First bytes of a payload.
inline constexpr unsigned char ok_header = 0x00;
inline constexpr unsigned char local_infile_header = 0xfb;
inline constexpr unsigned char eof_header = 0xfe;
inline constexpr unsigned char err_header = 0xff;

struct Ok {
    std::uint64_t affected_rows = 0, last_insert_id = 0;
    Status status = mysql::status::autocommit;
    std::uint16_t warnings = 0;
    std::string_view info;
    std::string_view session_state; // the tracker entries, for SessionChanges; empty: none
};
// `payload` begins with ok_header, or with eof_header where DEPRECATE_EOF makes an OK of the last packet of a result.
std::optional<Ok> read_ok(std::string_view payload, Capabilities capabilities);
// The session state is written only with SESSION_TRACK, and its status bit is made to agree. `header` as for read_ok().
std::uint8_t write_ok(std::string& out, std::uint8_t sequence, Capabilities capabilities, const Ok& ok,
                      unsigned char header = ok_header);

struct Err {
    std::uint16_t code = 0;
    std::string_view sqlstate; // empty: sent without one, as before the capabilities are known
    std::string_view message;
};
std::optional<Err> read_err(std::string_view payload);
// Without a sqlstate, the marker is left out, too.
std::uint8_t write_err(std::string& out, std::uint8_t sequence, const Err& err);

struct Eof {
    std::uint16_t warnings = 0;
    Status status = mysql::status::autocommit;
};
std::optional<Eof> read_eof(std::string_view payload);
std::uint8_t write_eof(std::string& out, std::uint8_t sequence, const Eof& eof);

// Whether the first byte and the size of a payload make it the packet that ends rows (an EOF, or an OK instead of it).
inline bool is_end_of_rows(unsigned char first, std::size_t size, Capabilities capabilities) {
    return first == eof_header && (capabilities & capability::deprecate_eof ? size < 0xffffff : size < 9);
}

// Entries of Ok::session_state.
enum class SessionChangeType : std::uint8_t {
    system_variable = 0,
    schema = 1,
    state_change = 2,
    gtids = 3,
    transaction_characteristics = 4,
    transaction_state = 5,
};
struct SessionChange {
    SessionChangeType type{}; // may be none of the named ones: servers add some
    std::string_view name;    // system_variable only
    std::string_view value;   // gtids: behind the byte of the encoding; unknown types: the data as it stands
};
// Walks through a block. Several system variables in one entry come one by one.
class SessionChanges {
  public:
    explicit SessionChanges(std::string_view block) : rest_(block) {}
    // False at the end, and at what is malformed().
    bool next(SessionChange& change);
    bool malformed() const { return malformed_; }

  private:
    bool next_variable(SessionChange& change);

    std::string_view rest_, variables_;
    bool malformed_ = false;
};
// Append one entry to a block for Ok::session_state.
void add_system_variable(std::string& block, std::string_view name, std::string_view value);
void add_session_change(std::string& block, SessionChangeType type, std::string_view value);

} // namespace rekey::protocol::mysql
