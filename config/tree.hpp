// A YAML text as a tree of plain values that remember where they stood. One document; anchors are expanded within a
// budget, tags refused, depth and number of values limited before memory is taken.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::config {

struct SourceFile {
    std::string name;      // for messages
    std::string directory; // what relative paths in it are relative to; ends with '/' or is empty
    std::size_t order = 0; // of reading
};

struct Place {
    const SourceFile* file = nullptr; // outlives the tree
    int line = 0;                     // from 1
};

struct Entry;

struct Node {
    enum class Kind { null, scalar, list, map };
    Kind kind = Kind::null;
    Place place;
    std::string text;           // scalar; may be a secret, so it is cleansed at the end
    std::vector<Node> items;    // list
    std::vector<Entry> entries; // map, as written: keys may repeat

    Node() = default;
    Node(const Node&) = default;
    Node(Node&&) noexcept = default;
    Node& operator=(const Node&) = default;
    Node& operator=(Node&&) noexcept = default;
    ~Node();

    // The first value of `key`; null when there is none or this is no map.
    const Node* find(std::string_view key) const;
    Node* find(std::string_view key);
};

struct Entry {
    std::string key;
    Place place; // of the key
    Node value;
};

inline constexpr std::size_t longest_text = 1 << 20;
inline constexpr std::size_t deepest_nesting = 16;
inline constexpr std::size_t most_keys = 1000; // of one map
inline constexpr std::size_t most_values = 100'000;

struct TreeResult {
    Node root;
    std::string error; // empty: parsed
    int line = 0;      // of the error
};
TreeResult parse_tree(std::string_view text, const SourceFile& file);

} // namespace rekey::config
