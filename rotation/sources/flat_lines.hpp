// `key=value` and flat `key: value` lines, as parse_file_document() (document.hpp) describes them.
#pragma once

#include "protocol/common/secret.hpp"

#include <string>
#include <string_view>

namespace rekey::rotation {

struct FlatLines {
    std::string username;
    protocol::Secret password;
    std::string version, expiration;        // empty: not given
    std::string host, port, database, url;  // the same
    std::string error;               // names lines and keys, never a value
};

FlatLines parse_flat_lines(std::string_view text);

} // namespace rekey::rotation
