// The words of SQL that the scan knows: keywords it acts on, and functions it need not ask the server about.
#pragma once

#include <cstdint>
#include <string_view>

namespace rekey::protocol::postgres {

// Keywords and names with a part in the scan; every other word is `other`.
enum class Word : std::uint8_t {
    other,
    keyword, // known to the server, of no interest here
    // first words of statements
    abort,
    alter,
    analyze,
    begin,
    call,
    checkpoint,
    close,
    commit,
    copy,
    create,
    deallocate,
    declare,
    delete_,
    discard,
    do_,
    drop,
    end,
    execute,
    explain,
    fetch,
    insert,
    listen,
    load,
    lock,
    merge,
    move,
    notify,
    prepare,
    release,
    reset,
    rollback,
    savepoint,
    select,
    set,
    show,
    start,
    table,
    unlisten,
    update,
    vacuum,
    values,
    with,
    // words within statements
    all,
    as,
    atomic,
    authorization,
    by,
    case_,
    character,
    characteristics,
    constraints,
    default_,
    distinct,
    filter,
    for_,
    from,
    function,
    global,
    group,
    grouping,
    hold,
    in,
    index,
    into,
    join,
    join_type,
    key,
    local,
    materialized,
    names,
    on,
    operator_,
    or_,
    order,
    ordinality,
    over,
    owned,
    partition,
    procedure,
    recursive,
    replace,
    role,
    schema,
    sequence,
    session,
    sets,
    temporary,
    time,
    to,
    transaction,
    true_,
    unlogged,
    varying,
    verbose,
    view,
    zone,
    // names
    client_encoding,
    pg_catalog,
    pg_settings,
    pg_temp,
    seed,
    session_authorization,
    transaction_setting, // transaction_isolation and its like
    count_,
};

// What it means when an opening parenthesis follows.
enum class Callable : std::uint8_t {
    unknown,  // a function the server must be asked about
    harmless, // a function of pg_catalog that leaves no state behind in the session
    never,    // a keyword that cannot name a function
    set_config,
    advisory_lock,  // takes or frees one at session level
    sequence_value, // currval, lastval
    loads,          // leaves behind in the session what no query shows: dblink_connect, temporary replication slots …
};

struct WordInfo {
    Word word = Word::other;
    Callable callable = Callable::unknown;
};

// `folded` is lower case, at most 64 bytes, and zero up to the next multiple of eight behind its end.
WordInfo find_word(std::string_view folded);

} // namespace rekey::protocol::postgres
