// One tree from a file and all that it includes, with variables replaced.
//
// Included files come after the including one and win where both set a key: mappings are merged key by key, lists of
// named entries by name, other lists one after the other. A key set in two files is worth a warning, a key or name set
// twice in one file an error.
#pragma once

#include "config/load.hpp"
#include "config/problems.hpp"
#include "config/tree.hpp"

#include <deque>
#include <string_view>

namespace rekey::config {

struct Gathered {
    std::deque<SourceFile> files; // the tree's places point into it
    Node root;                    // a map, even if the file could not be read
};

// `text` stands at `path`. False if something could not be read or parsed, so that what is missing tells nothing;
// other mistakes, like a variable that is not set, leave a tree that is worth checking.
bool gather(std::string_view text, const std::string& path, const Inputs& inputs, Gathered& gathered,
            Problems& problems);

// Where an entry of a list is shown: `upstreams[orders]`, or `routes[2]`.
std::string entry_path(std::string_view list, const Node& entry, std::size_t index);

// `path`, relative to the directory of the file it stands in.
std::string resolve(const Place& place, const std::string& path);

} // namespace rekey::config
