#include "protocol/postgres/sql_scan_statement.hpp"

#include <algorithm>
#include <array>

namespace rekey::protocol::postgres {

// What a statement's first word tells.
struct SqlStatements::Opening {
    Phase phase = Phase::calls;
    SqlEffect effect = SqlEffect::unknown;
    std::uint32_t mentions = 0;
    bool folds = false;

    static const std::array<Opening, static_cast<std::size_t>(Word::count_)> by_word;
};

constexpr std::array<SqlStatements::Opening, static_cast<std::size_t>(Word::count_)> SqlStatements::Opening::by_word =
    [] {
        std::array<Opening, static_cast<std::size_t>(Word::count_)> table{};
        table.fill(Opening{}); // g++ 12 leaves all but the first element zero otherwise
        const auto set = [&table](Word word, Opening opening) { table[static_cast<std::size_t>(word)] = opening; };
        for (const Word word : {Word::abort, Word::analyze, Word::checkpoint, Word::close, Word::commit, Word::end,
                                Word::fetch, Word::lock, Word::move, Word::notify, Word::release, Word::rollback,
                                Word::savepoint, Word::show, Word::vacuum}) {
            set(word, {Phase::inert, SqlEffect::none});
        }
        set(Word::begin, {Phase::inert, SqlEffect::none, mention_begin});
        set(Word::start, {Phase::start, SqlEffect::unknown});
        for (const Word word : {Word::select, Word::with, Word::values, Word::table}) {
            set(word, {Phase::query, SqlEffect::none, 0, true});
        }
        for (const Word word : {Word::insert, Word::update, Word::delete_, Word::merge}) {
            set(word, {Phase::query, SqlEffect::unknown, 0, true});
        }
        set(Word::copy, {Phase::copy, SqlEffect::none, mention_copy});
        set(Word::declare, {Phase::declare, SqlEffect::none});
        set(Word::explain, {Phase::explain, SqlEffect::none});
        set(Word::create, {Phase::create, SqlEffect::unknown});
        set(Word::drop, {Phase::drop, SqlEffect::unknown});
        set(Word::set, {Phase::set, SqlEffect::state, mention_set});
        set(Word::reset, {Phase::reset, SqlEffect::state, mention_reset});
        set(Word::discard, {Phase::discard, SqlEffect::state, mention_discard});
        set(Word::listen, {Phase::inert, SqlEffect::state, mention_listen});
        set(Word::unlisten, {Phase::inert, SqlEffect::state, mention_listen});
        set(Word::prepare, {Phase::prepare, SqlEffect::state, mention_prepare});
        set(Word::deallocate, {Phase::inert, SqlEffect::state, mention_deallocate});
        set(Word::load, {Phase::inert, SqlEffect::state, mention_load});
        return table;
    }();

void SqlStatements::raise(SqlEffect effect, std::uint32_t mentions) {
    statement_.effect = std::max(statement_.effect, effect);
    statement_.mentions |= mentions;
}

void SqlStatements::begin_statement(Word word) {
    const Opening& opening = Opening::by_word[static_cast<std::size_t>(word)];
    facts_.statements += statement_.begun ? 0 : 1; // what EXPLAIN explains is part of it
    statement_.begun = true;
    statement_.phase = opening.phase;
    statement_.folds = opening.folds;
    statement_.updates = word == Word::update;
    raise(opening.effect, opening.mentions);
    if (word == Word::with) {
        begin_listing();
    }
}

void SqlStatements::end_statement() {
    if (statement_.explains && !statement_.analyzes) {
        statement_.effect = SqlEffect::none; // planned, not run
        statement_.mentions = 0;
    }
    facts_.effect = std::max(facts_.effect, statement_.effect);
    facts_.mentions |= statement_.mentions;
    statement_ = {};
    with_lists_ = 0;
    before_ = Before::start;
    before_word_ = Word::other;
}

void SqlStatements::follow(Word word) {
    switch (statement_.phase) {
    case Phase::inert:
    case Phase::calls:
    case Phase::prepare_transaction:
        return;
    case Phase::query:
        return follow_query(word);
    case Phase::create:
        return follow_create(word);
    case Phase::created:
        return follow_routine(word);
    case Phase::drop:
        if (word == Word::table || word == Word::view || word == Word::sequence || word == Word::owned) {
            raise(SqlEffect::state, mention_temp); // perhaps the one temporary object that pinned the session
        }
        statement_.phase = Phase::inert;
        return;
    case Phase::discard:
        raise(SqlEffect::state, word == Word::all ? mention_reset : word == Word::temporary ? mention_temp : 0U);
        return;
    case Phase::copy:
        if (word == Word::from && depth_ == 0) {
            raise(SqlEffect::unknown);
        }
        return follow_query(word);
    case Phase::declare:
        if (word == Word::hold && before_word_ == Word::with) {
            raise(SqlEffect::state, mention_hold);
        } else if (word == Word::for_) {
            statement_.phase = Phase::query;
        }
        return;
    case Phase::explain:
        return follow_explain(word);
    case Phase::prepare:
        statement_.phase = word == Word::transaction ? Phase::prepare_transaction : Phase::inert;
        return;
    case Phase::start:
        if (word == Word::transaction) {
            statement_.effect = SqlEffect::none;
            statement_.mentions = mention_begin;
            statement_.phase = Phase::inert;
        }
        return;
    case Phase::set:
    case Phase::set_local:
    case Phase::set_transaction:
    case Phase::set_session:
    case Phase::set_value:
    case Phase::reset:
        return follow_set(word);
    }
}

void SqlStatements::follow_query(Word word) {
    switch (word) {
    case Word::with:
        // Elsewhere WITH belongs to TIES, ORDINALITY, TIME ZONE …
        if (before_ == Before::open || before_word_ == Word::for_) {
            begin_listing();
        }
        return;
    case Word::select:
    case Word::values:
    case Word::table:
    case Word::order:
    case Word::from:
        end_listing();
        return;
    case Word::update:
        if (before_word_ == Word::for_ || before_word_ == Word::key) {
            return; // FOR UPDATE, FOR NO KEY UPDATE
        }
        statement_.updates = true;
        [[fallthrough]];
    case Word::insert:
    case Word::delete_:
    case Word::merge:
        end_listing();
        raise(SqlEffect::unknown);
        return;
    case Word::into:
        raise(SqlEffect::unknown); // SELECT … INTO makes a table
        return;
    case Word::temporary:
    case Word::local:
    case Word::global:
        if (before_word_ == Word::into) {
            raise(SqlEffect::state, mention_temp);
        }
        return;
    case Word::pg_settings:
        if (statement_.updates) {
            raise(SqlEffect::state, mention_set); // its rule calls set_config
        }
        return;
    default:
        return;
    }
}

void SqlStatements::follow_create(Word word) {
    switch (word) {
    case Word::or_:
    case Word::replace:
    case Word::local:
    case Word::global:
    case Word::unlogged:
        return;
    case Word::temporary:
        raise(SqlEffect::state, mention_temp);
        return;
    case Word::table:
    case Word::view:
    case Word::sequence:
    case Word::index:
    case Word::recursive:
    case Word::materialized:
        statement_.phase = Phase::calls;
        return;
    case Word::function:
    case Word::procedure:
        statement_.routine = true;
        break;
    default:
        break;
    }
    statement_.stays = true;
    statement_.phase = Phase::created;
}

// The semicolons within a body of SQL, BEGIN ATOMIC … END, separate no statements of the text.
void SqlStatements::follow_routine(Word word) {
    if (!statement_.routine) {
        return;
    }
    if (word == Word::atomic && before_word_ == Word::begin && statement_.atomic_depth == 0) {
        statement_.atomic_depth = 1;
    } else if (statement_.atomic_depth > 0 && before_word_ != Word::as) {
        statement_.atomic_depth += word == Word::case_ ? 1 : 0;
        statement_.atomic_depth -= word == Word::end ? 1 : 0;
    }
}

// EXPLAIN [ANALYZE] [VERBOSE] statement, EXPLAIN (option [value], …) statement; the statement may stand in parentheses.
void SqlStatements::follow_explain(Word word) {
    statement_.explains = true;
    if (word == Word::analyze) {
        statement_.analyzes = true; // even (ANALYZE off): the last of several counts
        return;
    }
    const bool query = word == Word::select || word == Word::with || word == Word::values || word == Word::table;
    if (query || (depth_ == 0 && word != Word::verbose)) {
        begin_statement(word);
    }
}

void SqlStatements::follow_set(Word word) {
    switch (statement_.phase) {
    case Phase::set:
        if (word == Word::local) {
            statement_.phase = Phase::set_local;
        } else if (word == Word::transaction || word == Word::constraints) {
            statement_.phase = Phase::set_transaction;
        } else if (word == Word::session) {
            statement_.phase = Phase::set_session;
        } else {
            set_variable(word);
        }
        return;
    case Phase::set_local:
    case Phase::set_transaction:
        if (word == Word::to) {
            set_variable(Word::other);
        } else {
            set_is_of_transaction();
        }
        return;
    case Phase::set_session:
        set_variable(word);
        if (word == Word::authorization) {
            raise(SqlEffect::state, mention_role);
        }
        return;
    case Phase::reset:
        set_variable(word);
        if (word == Word::session) { // RESET SESSION AUTHORIZATION
            raise(SqlEffect::state, mention_role);
        }
        return;
    default: // set_value
        if (word == Word::default_) {
            raise(SqlEffect::state, mention_reset);
        }
        return;
    }
}

void SqlStatements::set_variable(Word word) {
    statement_.phase = Phase::set_value;
    if (word == Word::client_encoding || word == Word::names) {
        raise(SqlEffect::state, mention_encoding);
    } else if (word == Word::role || word == Word::session_authorization) {
        raise(SqlEffect::state, mention_role);
    } else if (word == Word::seed) {
        raise(SqlEffect::state, mention_load); // that of random(), which nothing shows
    } else if (word == Word::transaction_setting) {
        set_is_of_transaction();
    }
}

void SqlStatements::set_is_of_transaction() {
    statement_.phase = Phase::inert;
    statement_.effect = SqlEffect::none;
    statement_.mentions = 0;
}

SqlFacts SqlStatements::finish(bool complete) {
    if (!complete || depth_ != 0) {
        begin_if_first();
        statement_.explains = false;
        raise(SqlEffect::unknown); // the server will refuse it; should it not, it was read wrongly
    }
    end_statement();
    facts_.fingerprint = fingerprint_.value();
    return facts_;
}

} // namespace rekey::protocol::postgres
