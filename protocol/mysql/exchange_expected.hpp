// The replies a backend still owes, in order.
#pragma once

#include "protocol/common/owed.hpp"
#include "protocol/mysql/statements.hpp"

#include <cstdint>

namespace rekey::protocol::mysql {

// What a reply looks like.
enum class Request : std::uint8_t {
    query,      // OK, ERR, a file's name or result sets; also of an executed statement
    prepare,    // numbers, parameters and columns
    rows,       // rows without columns before them: COM_STMT_FETCH, COM_FIELD_LIST
    ok,         // OK or ERR, or an EOF instead
    statistics, // a text
};

// Whose command it answers: the client's, or ours, whose reply is swallowed.
enum class Own : std::uint8_t {
    none,
    track,          // switches session tracking on
    replay,         // a client's settings, at attach
    interim,        // settings for the preparing that follows, and back
    prepare,        // a statement again
    last_insert_id, // sets it
    ask_insert_id,  // asks for it
    warnings,       // SHOW WARNINGS
    reset,
    check,
};

struct Expected {
    Request request = Request::query;
    Own own = Own::none;
    bool resets = false;                // the client's COM_RESET_CONNECTION
    bool schema = false;                // a replay's COM_INIT_DB
    StatementPtr statement{};           // prepare
    std::uint32_t client_statement = 0; // that is executed or fetched from
};

using ExpectedReplies = Owed<Expected>;

} // namespace rekey::protocol::mysql
