// The words that the scan acts on, and the server's own functions that leave nothing behind in the session.
#pragma once

#include <cstdint>
#include <string_view>

namespace rekey::protocol::mysql {

enum class Word : std::uint8_t {
    other,    // a name, or a word without a part here
    keyword,  // never the name of a function that is called
    harmless, // a function of the server's that leaves nothing behind
    named,    // what follows is a name, which parentheses may follow: INTO, TABLE, INDEX …
    // first words of statements
    alter,
    analyze,
    backup,
    begin,
    call,
    create,
    deallocate,
    delete_,
    do_,
    drop,
    execute,
    explain,
    flush,
    get,
    grant,
    handler,
    insert,
    kill,
    load,
    lock,
    prepare,
    rename,
    replace,
    revoke,
    select,
    set,
    show,
    start,
    truncate,
    unlock,
    update,
    with,
    // words within statements
    as,
    character,
    charset,
    close,
    count_,
    diagnostics,
    end,
    errors,
    for_,
    global,
    if_,
    instance,
    into,
    local,
    names,
    not_,
    on,
    open,
    or_,
    persist,
    previous,
    resource,
    role,
    session,
    stage,
    statement,
    table,
    tables,
    temporary,
    transaction,
    value,
    warnings,
    calc_found_rows,
    // functions and variables that matter
    autocommit,
    connection_id,
    error_count,
    found_rows,
    get_lock,
    last_insert_id,
    identity,
    lastval,
    release_lock,
    row_count,
    volatile_variable,
    warning_count,
};

// `folded` is in lower case.
Word find_word(std::string_view folded);

} // namespace rekey::protocol::mysql
