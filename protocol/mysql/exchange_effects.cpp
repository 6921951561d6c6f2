// MysqlClient: what the statements that run do to the session, and how that ends.
#include "protocol/mysql/exchange.hpp"

#include <algorithm>

namespace rekey::protocol::mysql {

namespace {

constexpr std::uint32_t named_changes = mention_named_lock | mention_release_lock | mention_temp | mention_drop_table |
                                        mention_prepare | mention_deallocate | mention_handler;
constexpr std::size_t held_max = 256;

// What of a statement is held without a name, until the session is reset.
constexpr struct {
    std::uint32_t mention, pin;
} direct_pins[] = {
    {mention_user_variable, pin_user_variable},
    {mention_global_lock, pin_global_lock},
    {mention_instance_lock, pin_instance_lock},
    {mention_routine, pin_routine},
    {mention_role, pin_role},
    {mention_sequence_value, pin_sequence_value},
    {mention_volatile, pin_volatile_variable},
    {mention_calc_found_rows, pin_last_statement},
};

constexpr std::uint32_t pin_of_kind(HeldKind kind) {
    switch (kind) {
    case HeldKind::lock:
        return pin_named_lock;
    case HeldKind::temp_table:
        return pin_temp_table;
    case HeldKind::prepared:
        return pin_sql_prepare;
    case HeldKind::handler:
        return pin_handler;
    }
    return 0;
}

} // namespace

// Called when a text is about to run. `text` is empty when it was too long to be read whole.
void MysqlClient::note_effect(const SqlFacts& facts, std::string_view text, bool prepared) {
    mentions_ = facts.mentions;
    if (mode_ == Multiplexing::transaction || mode_ == Multiplexing::statement)
        return;
    if (!facts.lexable)
        pins_ |= pin_unclear_text;
    if (facts.mentions == 0)
        return;
    for (const auto& [mention, pin] : direct_pins) {
        if ((facts.mentions & mention) != 0)
            pins_ |= pin;
    }
    // In this form only the server can answer, and perhaps of another one's session: from now on, of the right one.
    constexpr std::uint32_t about_last = mention_row_count | mention_found_rows | mention_diagnostics;
    if ((facts.mentions & about_last) != 0 && facts.statements == 1 &&
        (prepared || read_question(text, scan_options()).kind == SqlQuestion::Kind::none))
        pins_ |= pin_diagnostics;
    if ((facts.mentions & mention_names) != 0 && !text.empty())
        collation_ = read_names_collation(text, scan_options());
    if ((facts.mentions & named_changes) == 0)
        return;
    if (text.empty())
        changes_ = {{SqlChange::Kind::unnamed, {}}};
    else
        changes_ = read_changes(text, scan_options());
    for (const auto& change : changes_)
        apply_change(change, false);
    count_held();
}

// What is made counts from when it is asked for; what is ended, only when the server has said so.
void MysqlClient::apply_change(const SqlChange& change, bool undo) {
    using Kind = SqlChange::Kind;
    auto take = [&](HeldKind kind, bool counted) {
        auto known = std::find_if(held_.begin(), held_.end(),
                                  [&](const Held& h) { return h.kind == kind && h.name == change.name; });
        if (undo) {
            if (known != held_.end() && --known->count == 0)
                held_.erase(known);
        } else if (known != held_.end()) {
            known->count += counted ? 1 : 0;
        } else if (held_.size() < held_max) {
            held_.push_back({kind, change.name, 1});
        } else {
            pins_ |= pin_state;
        }
    };
    switch (change.kind) {
    case Kind::lock_taken:
        take(HeldKind::lock, true);
        break;
    case Kind::temp_made:
        take(HeldKind::temp_table, false);
        break;
    case Kind::prepared:
        take(HeldKind::prepared, false);
        break;
    case Kind::handler_opened:
        take(HeldKind::handler, false);
        break;
    case Kind::unnamed:
        if (!undo)
            pins_ |= pin_state;
        break;
    case Kind::lock_freed:
    case Kind::all_locks_freed:
    case Kind::table_dropped:
    case Kind::deallocated:
    case Kind::handler_closed:
        break;
    }
}

// The reply to the command has ended.
void MysqlClient::settle_effects(bool failed) {
    using Kind = SqlChange::Kind;
    if (failed) { // of several statements some may have run: then all may have been made
        for (const auto& change : changes_) {
            if (changes_.size() == 1 && change.kind == Kind::lock_taken)
                apply_change(change, true);
        }
        changes_.clear();
        return count_held();
    }
    auto end = [&](HeldKind kind, const std::string& name) {
        auto known =
            std::find_if(held_.begin(), held_.end(), [&](const Held& h) { return h.kind == kind && h.name == name; });
        if (known != held_.end() && --known->count == 0)
            held_.erase(known);
    };
    for (const auto& change : changes_) {
        switch (change.kind) {
        case Kind::lock_freed:
            end(HeldKind::lock, change.name);
            break;
        case Kind::all_locks_freed:
            std::erase_if(held_, [](const Held& h) { return h.kind == HeldKind::lock; });
            break;
        case Kind::table_dropped:
            end(HeldKind::temp_table, change.name);
            break;
        case Kind::deallocated:
            end(HeldKind::prepared, change.name);
            break;
        case Kind::handler_closed:
            end(HeldKind::handler, change.name);
            break;
        case Kind::lock_taken:
        case Kind::temp_made:
        case Kind::prepared:
        case Kind::handler_opened:
        case Kind::unnamed:
            break;
        }
    }
    changes_.clear();
    if ((mentions_ & mention_unlock_tables) != 0)
        pins_ &= ~std::uint32_t{pin_global_lock};
    if ((mentions_ & mention_instance_unlock) != 0)
        pins_ &= ~std::uint32_t{pin_instance_lock};
    count_held();
}

void MysqlClient::count_held() {
    pins_ &= ~std::uint32_t{pin_named_lock | pin_temp_table | pin_sql_prepare | pin_handler};
    for (const auto& held : held_)
        pins_ |= pin_of_kind(held.kind);
}

// As COM_RESET_CONNECTION leaves a session: without anything but its default schema.
void MysqlClient::reset_session() {
    state_ = context_.states.part(state_, &schema_entry, 1);
    statements_.clear();
    held_.clear();
    changes_.clear();
    auto inserts = last_.inserts;
    last_ = {};
    last_.inserts = inserts + 1;
    last_prepared_ = 0;
    pins_ &= pin_session_mode;
}

StateRef MysqlClient::statement_context() {
    if (statement_context_of_ != state_) {
        statement_context_ = context_.states.part(state_, statement_context_names, std::size(statement_context_names));
        statement_context_of_ = state_;
    }
    return statement_context_;
}

} // namespace rekey::protocol::mysql
