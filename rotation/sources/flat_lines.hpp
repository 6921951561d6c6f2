// `key=value` and flat `key: value` lines, as parse_file_document() (document.hpp) describes them.
#pragma once

#include "protocol/common/secret.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation {

struct FlatLines {
    std::string username;
    protocol::Secret password;
    std::string version, expiration;  // empty: not given
    std::string host, port, database; // the same
    std::string error;                // names lines and keys, never a value
};

// `user_known`: no line needs to name one.
FlatLines parse_flat_lines(std::string_view text, bool user_known = false);

// What stands behind `key:` in YAML, without blanks around it: a plain or quoted text on one line, perhaps with a
// comment behind it. False: it is more than that. The caller cleanses what is in `out` either way.
bool read_yaml_text(std::string_view value, std::string& out);

} // namespace rekey::rotation
