// The hash of a text's tokens. Folded literals leave one mark each, and lists of them one mark together, so that
// IN (1,2,3), IN (4), VALUES (1,2),(3,4) and the like are one text whatever the number of their values.
#pragma once

#include "protocol/postgres/sql_scan_text.hpp"

#include <cstdint>

namespace rekey::protocol::postgres {

class Fingerprint {
  public:
    // The seed keeps a client from making two texts meet; process-wide, and not to be told.
    explicit Fingerprint(std::uint64_t seed) : seed_(seed), hash_(mix(seed ^ 0x2D358DCCAA6C78A5, 0x8BB84B93962EACC9)) {}

    void add_text(const TokenText& text, std::uint64_t kind) {
        settle();
        row_ = Row::none;
        hash_ = text.absorb_into(hash_, kind);
    }
    void add_symbol(char c) {
        settle();
        add(static_cast<unsigned char>(c));
        row_ = Row::none;
    }
    void add_open() {
        settle();
        add('(');
        row_ = row_ == Row::separated ? Row::reopened : Row::opened;
    }
    void add_close() {
        settle();
        add(')');
        if (row_ == Row::refilled) {
            hash_ = row_hash_;
        } else if (row_ != Row::filled) {
            row_ = Row::none;
            return;
        }
        row_hash_ = hash_;
        row_ = Row::closed;
    }
    void add_comma() {
        if (after_mark_) {
            after_mark_ = false;
            comma_pending_ = true;
            return;
        }
        settle();
        add(',');
        row_ = row_ == Row::closed ? Row::separated : Row::none;
    }
    // A literal or a parameter whose value does not matter.
    void add_mark() {
        if (!comma_pending_) {
            settle();
            add(mark);
            row_ = row_ == Row::opened ? Row::filled : row_ == Row::reopened ? Row::refilled : Row::none;
        }
        comma_pending_ = false;
        after_mark_ = true;
    }
    // Between two statements; nothing at the end of a text.
    void add_break() { break_pending_ = true; }

    std::uint64_t value() const { return mix(hash_ ^ 0x4B33A62ED433D4A3, multiplier); }

  private:
    // How much of (mark) , (mark) has just been seen.
    enum class Row : std::uint8_t { none, opened, filled, closed, separated, reopened, refilled };
    static constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15;
    static constexpr std::uint64_t mark = 0x100;

    void add(std::uint64_t value) { hash_ = mix(hash_ ^ value, multiplier ^ seed_); }
    // Adds what was held back because a literal, or nothing at all, might have followed.
    void settle() {
        after_mark_ = false;
        if (comma_pending_) {
            comma_pending_ = false;
            row_ = Row::none;
            add(',');
        }
        if (break_pending_) {
            break_pending_ = false;
            row_ = Row::none;
            add(';');
        }
    }

    std::uint64_t seed_;
    std::uint64_t hash_;
    std::uint64_t row_hash_ = 0; // behind the last complete row of marks
    Row row_ = Row::none;
    bool after_mark_ = false;
    bool comma_pending_ = false;
    bool break_pending_ = false;
};

} // namespace rekey::protocol::postgres
