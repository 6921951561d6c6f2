// The replies a backend still owes, in order. What makes a multiplexer right under pipelining, injection and errors.
// PostgreSQL manual 55.2.3, 55.2.4.
#pragma once

#include "protocol/common/owed.hpp"
#include "protocol/postgres/statements.hpp"

#include <cstdint>

namespace rekey::protocol::postgres {

enum class Request : std::uint8_t {
    // the client's
    query,
    function_call,
    parse,
    bind,
    describe,
    execute,
    close,
    sync,
    copy_done, // CopyDone or CopyFail inside an extended batch: no reply of its own
    // answered by us when it is their turn
    fake_parse,
    fake_close,
    // ours: the reply is swallowed
    own_parse,
    own_close,
    own_sync, // ends a batch of ours before a simple query
    own_query,
};

struct Expected {
    Request request = Request::query;
    StatementPtr statement{}; // parse, own_parse, own_close
};

using ExpectedReplies = Owed<Expected>;

} // namespace rekey::protocol::postgres
