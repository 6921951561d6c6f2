// Reads SQL that the server wrote (SHOW CREATE USER, SHOW GRANTS) with sql_mode = ''.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation::mysql {

class Words {
  public:
    explicit Words(std::string_view text) : text_(text) {}

    bool at_end() { return rest().empty(); }
    // What is left, without spaces around it.
    std::string_view rest();
    // The keyword (upper case), a sign, or a whole quoted part as written; empty at the end.
    std::string_view next();
    // Takes these keywords or signs, all of them or none.
    bool take(std::string_view words);
    // A quoted text or name, or a bare word; without its quotes and escapes.
    std::optional<std::string> value();

  private:
    std::string_view text_;
};

} // namespace rekey::rotation::mysql
