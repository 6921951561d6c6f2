// A checked mapping of the tree, read by key with the defaults of the option table. A value that was found bad reads
// as its default, so that building can go on and find more.
#pragma once

#include "config/options.hpp"
#include "config/problems.hpp"
#include "config/scalars.hpp"
#include "config/secrets.hpp"
#include "config/tree.hpp"
#include "protocol/common/assert.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace rekey::config {

class Section {
  public:
    // `node` may be null: all defaults.
    Section(const Node* node, std::string table, std::string shown)
        : node_(node), table_(std::move(table)), shown_(std::move(shown)) {}

    // For messages: `upstreams[orders]`.
    const std::string& shown() const { return shown_; }
    std::string shown(std::string_view key) const { return child_path(shown_, key); }
    const Node* node(std::string_view key) const { return node_ != nullptr ? node_->find(key) : nullptr; }
    bool has(std::string_view key) const { return node(key) != nullptr; }

    Section section(std::string_view key) const { return {node(key), child_path(table_, key), shown(key)}; }
    std::vector<Section> entries(std::string_view key) const;

    std::string text(std::string_view key) const;
    std::vector<std::string> texts(std::string_view key) const;
    std::string path(std::string_view key) const; // absolute; empty: none
    // `file`, relative to the file in which `key` stands.
    std::string absolute_path(std::string_view key, const std::string& file) const;
    bool boolean(std::string_view key) const { return text(key) == "true"; }
    std::uint32_t integer(std::string_view key) const { return static_cast<std::uint32_t>(*parse_integer(text(key))); }
    std::uint64_t size(std::string_view key) const { return *parse_size(text(key)); }
    Duration duration(std::string_view key) const { return *parse_duration(text(key)); }
    std::optional<Address> address(std::string_view key) const { return parse_address(text(key)); }
    std::vector<Address> addresses(std::string_view key) const;
    // The enumerators stand in the order of the table's choices.
    template <class Enumeration> Enumeration choice(std::string_view key) const {
        return static_cast<Enumeration>(choice_index(key));
    }

  private:
    const Option& option(std::string_view key) const;
    std::size_t choice_index(std::string_view key) const;

    const Node* node_;
    std::string table_, shown_;
};

} // namespace rekey::config
