// What stands before a statement's text, or among a prepared one's parameters, on connections that have agreed on
// QUERY_ATTRIBUTES. MySQL manual, "COM_QUERY", "COM_STMT_EXECUTE".
#pragma once

#include "protocol/mysql/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey::protocol::mysql {

// The size of what stands before the text of a COM_QUERY, the command's byte included; 0: malformed, or not all there.
// What servers do not read all alike is malformed here: the text that is judged has to be the one that is run.
std::size_t attributes_size(std::string_view query);
// Of a statement of ours, which has none.
inline constexpr std::string_view no_attributes{"\0\1", 2};

// A COM_STMT_EXECUTE without its values. Offsets are from the command on.
struct ExecuteHead {
    std::size_t size = 0;     // of all before the values
    std::size_t bound_at = 0; // of the byte that says whether types are there
    bool types_given = false;
    std::uint64_t count = 0; // of the values that follow, attributes included
    std::string_view nulls;
    // Of the statement's own parameters, two bytes each, without names.
    std::string_view types() const { return bare_types.empty() ? plain_types : bare_types; }

    std::string_view plain_types; // where there are no names
    std::string bare_types;       // else
};
inline constexpr std::size_t execute_head_size = 10; // command, number, flags, iterations
inline constexpr std::size_t execute_flags_at = 5;

// False: malformed, or not all there. `named`: QUERY_ATTRIBUTES were agreed on; `parameters` are the statement's own.
bool read_execute_head(std::string_view payload, bool named, std::uint16_t parameters, ExecuteHead& head);
// The same for a server without QUERY_ATTRIBUTES. The values of what it does not know of stand at the end, where it
// does not look.
std::string without_attributes(std::string_view payload, std::uint16_t parameters, ExecuteHead& head);
// Where the types of an earlier execution have to go along: the head up to bound_at, and they.
std::string with_types(std::string_view head, std::size_t bound_at, std::string_view types, bool named);

} // namespace rekey::protocol::mysql
