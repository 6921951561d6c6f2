// Tokens to facts: what each statement of a text may do to the session.
#pragma once

#include "protocol/mysql/sql_scan_lexer.hpp"
#include "protocol/mysql/sql_scan_words.hpp"

#include <cstdint>

namespace rekey::protocol::mysql {

class SqlStatements final : public TokenSink {
  public:
    void token(const Token& token) override;
    SqlFacts finish();

  private:
    // What stands before the current token.
    enum class Before : std::uint8_t { start, name, keyword, open, close, operand, comma, dot, system_dot, operation };
    // A SET's items.
    enum class Item : std::uint8_t { none, start, value };

    void begin_statement();
    void end_statement();
    void on_word(const Token& token);
    void on_symbol(char c);
    void first_word(Word word);
    void later_word(Word word);
    void later_word_of_first(Word word);
    void system_variable(Word word);
    void set_item(Word word, std::string_view text, TokenKind kind);
    void call();
    void mention(std::uint32_t bits) { facts_.mentions |= bits; }

    SqlFacts facts_;
    bool begun_ = false, looks_at_calls_ = true, with_list_ = false, locks_more_ = false;
    Word first_ = Word::other, second_ = Word::other, previous_ = Word::other;
    std::uint32_t words_ = 0;
    std::uint32_t depth_ = 0;
    Item item_ = Item::none;
    Before before_ = Before::start;
    // The dotted name that was just read, and what stood before it.
    Word name_ = Word::other;
    Word before_name_word_ = Word::other;
    Before before_name_ = Before::start;
    bool qualified_ = false, quoted_ = false;
};

} // namespace rekey::protocol::mysql
