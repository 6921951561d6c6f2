#include "protocol/mysql/sql_scan_statement.hpp"

namespace rekey::protocol::mysql {

namespace {

// Statements whose names in front of parentheses are no calls, as long as no query stands in them.
bool defines(Word first) {
    switch (first) {
    case Word::alter:
    case Word::create:
    case Word::drop:
    case Word::grant:
    case Word::revoke:
    case Word::rename:
    case Word::truncate:
    case Word::flush:
    case Word::lock:
    case Word::handler:
    case Word::prepare:
        return true;
    default:
        return false;
    }
}

bool tracked_variable(std::string_view text) {
    constexpr std::string_view prefix = "session_track_";
    return text.substr(0, prefix.size()) == prefix;
}

} // namespace

void SqlStatements::token(const Token& token) {
    if (!begun_) {
        if (token.is(';'))
            return;
        begin_statement();
    }
    switch (token.kind) {
    case TokenKind::word:
        return on_word(token);
    case TokenKind::quoted:
        if (item_ == Item::start)
            set_item(find_word(token.text), token.text, token.kind);
        if (before_ != Before::dot && before_ != Before::system_dot) {
            before_name_ = before_;
            before_name_word_ = previous_;
            qualified_ = false;
        } else {
            qualified_ = true;
        }
        name_ = Word::other;
        quoted_ = true;
        before_ = Before::name;
        break;
    case TokenKind::variable:
        // Read it is harmless.
        if (item_ == Item::start || previous_ == Word::into || first_ == Word::load || first_ == Word::get)
            mention(mention_user_variable);
        if (item_ == Item::start)
            item_ = Item::value;
        before_ = Before::operand;
        break;
    case TokenKind::assign:
        if (first_ != Word::set || item_ == Item::none || before_ == Before::operand)
            mention(mention_user_variable);
        before_ = Before::operation;
        break;
    case TokenKind::system: {
        auto word = find_word(token.text);
        if (item_ == Item::start)
            set_item(word, token.text, token.kind);
        system_variable(word);
        before_ = Before::system_dot;
        previous_ = Word::other;
        return;
    }
    case TokenKind::string:
    case TokenKind::number:
        before_ = Before::operand;
        break;
    case TokenKind::symbol:
        on_symbol(token.text[0]);
        break;
    }
    previous_ = Word::other;
}

void SqlStatements::begin_statement() {
    begun_ = true;
    ++facts_.statements;
    looks_at_calls_ = true;
    with_list_ = locks_more_ = false;
    first_ = second_ = previous_ = name_ = Word::other;
    words_ = depth_ = 0;
    item_ = Item::none;
    before_ = Before::start;
}

void SqlStatements::end_statement() {
    begun_ = false;
}

SqlFacts SqlStatements::finish() {
    return facts_;
}

void SqlStatements::on_word(const Token& token) {
    auto word = find_word(token.text);
    bool after_dot = before_ == Before::dot;
    bool of_system = before_ == Before::system_dot;
    if (!after_dot && !of_system) {
        before_name_ = before_;
        before_name_word_ = previous_;
        qualified_ = false;
        if (item_ == Item::start) {
            set_item(word, token.text, token.kind);
        } else if (words_ == 0) {
            first_word(word);
        } else {
            if (words_ == 1)
                second_ = word;
            later_word_of_first(word);
            later_word(word);
        }
        ++words_;
    } else {
        qualified_ = !of_system;
        if (of_system || item_ == Item::value)
            later_word(word);
    }
    name_ = word;
    quoted_ = false;
    bool key = word == Word::keyword || (word > Word::named && word < Word::autocommit);
    before_ = key || word == Word::named ? Before::keyword : Before::name;
    if (of_system) {
        if (item_ == Item::start)
            set_item(word, token.text, token.kind);
        system_variable(word);
        before_ = Before::operand;
    }
    previous_ = after_dot || of_system ? Word::other : word;
}

void SqlStatements::first_word(Word word) {
    first_ = word;
    looks_at_calls_ = !defines(word);
    switch (word) {
    case Word::set:
        item_ = Item::start;
        break;
    case Word::with:
        with_list_ = true;
        break;
    case Word::begin:
        mention(mention_begin);
        break;
    case Word::call:
    case Word::execute:
        mention(mention_routine);
        break;
    case Word::prepare:
        mention(mention_prepare);
        break;
    case Word::deallocate:
        mention(mention_deallocate);
        break;
    case Word::handler:
        mention(mention_handler);
        break;
    case Word::kill:
        mention(mention_kill);
        break;
    default:
        break;
    }
}

// Words that have a part in what their statement begins with.
void SqlStatements::later_word_of_first(Word word) {
    bool second = words_ == 1;
    switch (first_) {
    case Word::begin: // BEGIN NOT ATOMIC: a program
        if (second && word == Word::not_)
            mention(mention_routine);
        break;
    case Word::start:
        if (second && word == Word::transaction)
            mention(mention_begin);
        break;
    case Word::create:
        if (word == Word::temporary)
            mention(mention_temp);
        else if (word == Word::select || word == Word::with || word == Word::value)
            looks_at_calls_ = true;
        break;
    case Word::drop:
        if (second && word == Word::prepare)
            mention(mention_deallocate);
        else if (word == Word::table || word == Word::tables)
            mention(mention_drop_table);
        break;
    case Word::lock:
        if (second && word == Word::instance)
            mention(mention_instance_lock);
        break;
    case Word::unlock:
        if (second)
            mention(word == Word::instance ? mention_instance_unlock : mention_unlock_tables);
        break;
    case Word::flush:
        if (word == Word::with || word == Word::for_)
            mention(mention_global_lock);
        break;
    case Word::backup:
        mention(word == Word::end || word == Word::unlock ? mention_instance_unlock : mention_instance_lock);
        break;
    case Word::show:
        if (word == Word::warnings || word == Word::errors)
            mention(mention_diagnostics);
        break;
    case Word::get:
        if (word == Word::diagnostics)
            mention(mention_diagnostics);
        break;
    case Word::load:
        if (word == Word::local)
            mention(mention_load_local);
        break;
    default:
        break;
    }
}

// Words that matter wherever they stand.
void SqlStatements::later_word(Word word) {
    switch (word) {
    case Word::calc_found_rows:
        mention(mention_calc_found_rows);
        break;
    case Word::select:
    case Word::insert:
    case Word::update:
    case Word::delete_:
    case Word::replace:
        if (depth_ == 0)
            with_list_ = false;
        break;
    case Word::value:
        if (previous_ == Word::previous)
            mention(mention_sequence_value);
        break;
    case Word::for_:
        if (item_ != Item::none && depth_ == 0 && (facts_.mentions & mention_set_statement) != 0) {
            item_ = Item::none; // the statement that SET STATEMENT is for begins
            words_ = static_cast<std::uint32_t>(-1);
        }
        break;
    default:
        break;
    }
}

void SqlStatements::system_variable(Word word) {
    if (word == Word::warning_count || word == Word::error_count)
        mention(mention_diagnostics);
    if (word == Word::identity || word == Word::last_insert_id)
        mention(mention_last_insert_id);
}

// At the name of what a SET sets, or at a word before it.
void SqlStatements::set_item(Word word, std::string_view text, TokenKind kind) {
    switch (word) {
    case Word::global:
    case Word::persist:
    case Word::session:
    case Word::local:
        mention(mention_set);
        return; // the name follows
    case Word::statement:
        if (kind == TokenKind::word)
            mention(mention_set_statement);
        return;
    case Word::names:
    case Word::character:
    case Word::charset:
        if (kind == TokenKind::word)
            mention(mention_names);
        break;
    case Word::role:
        if (kind == TokenKind::word && previous_ != Word::other)
            mention(mention_role);
        break;
    case Word::resource:
        mention(mention_role);
        break;
    case Word::autocommit:
        mention(mention_autocommit);
        break;
    case Word::volatile_variable:
        mention(mention_volatile);
        break;
    default:
        if (tracked_variable(text))
            mention(mention_session_track);
        break;
    }
    mention(mention_set);
    item_ = Item::value;
}

void SqlStatements::on_symbol(char c) {
    switch (c) {
    case ';':
        end_statement();
        break;
    case '(':
        if (looks_at_calls_ && before_ == Before::name)
            call();
        else if (looks_at_calls_ && before_ == Before::keyword)
            call();
        ++depth_;
        before_ = Before::open;
        break;
    case ')':
        depth_ -= depth_ != 0 ? 1 : 0;
        before_ = Before::close;
        break;
    case ',':
        if (item_ == Item::value && depth_ == 0)
            item_ = Item::start;
        before_ = Before::comma;
        break;
    case '.':
        before_ = before_ == Before::system_dot ? Before::system_dot : Before::dot;
        break;
    case '?':
        before_ = Before::operand;
        break;
    default:
        before_ = Before::operation;
        break;
    }
}

// At the parenthesis behind a name.
void SqlStatements::call() {
    if (!qualified_ && !quoted_) {
        switch (name_) {
        case Word::get_lock:
            return mention(mention_named_lock);
        case Word::release_lock:
            return mention(mention_release_lock);
        case Word::last_insert_id:
            return mention(mention_last_insert_id);
        case Word::found_rows:
            return mention(mention_found_rows);
        case Word::row_count:
            return mention(mention_row_count);
        case Word::connection_id:
            return mention(mention_connection_id);
        case Word::lastval:
            return mention(mention_sequence_value);
        case Word::volatile_variable: // TIMESTAMP()
        case Word::harmless:
        case Word::keyword:
        case Word::named:
            return;
        default:
            if (name_ != Word::other && name_ < Word::autocommit)
                return;
        }
    }
    bool named = before_name_word_ == Word::named || before_name_word_ == Word::into || before_name_word_ == Word::as ||
                 before_name_word_ == Word::table ||
                 ((first_ == Word::insert || first_ == Word::replace) && words_ <= 2 && before_name_ != Before::open &&
                  before_name_word_ != Word::select);
    // A call stands at the start of an expression: never right behind a value, and not where a WITH names its queries.
    bool expression = before_name_ != Before::close && before_name_ != Before::operand &&
                      !(before_name_ == Before::name && before_name_word_ == Word::other);
    if (named || !expression || (with_list_ && depth_ == 0))
        return;
    mention(mention_routine);
}

} // namespace rekey::protocol::mysql
