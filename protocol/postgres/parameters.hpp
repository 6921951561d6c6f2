// Sets of run-time parameters (name → value), immutable and interned: equal content is the same object within one
// table, so that "does this backend have what this client wants?" is a comparison of two pointers.
//
// One table per worker; neither the table nor its sets may be used from another thread. Names compare without regard
// to ASCII case, as PostgreSQL does, and keep the spelling they came with.
#pragma once

#include "protocol/postgres/startup_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

using Parameter = std::pair<std::string, std::string>;

class ParameterTable;

class ParameterSet {
  public:
    const std::vector<Parameter>& entries() const { return entries_; } // sorted by folded name
    const std::string* find(std::string_view name) const;
    bool empty() const { return entries_.empty(); }

  private:
    friend class ParameterTable;
    friend class ParameterRef;
    std::vector<Parameter> entries_;
    std::uint64_t hash_ = 0;
    std::uint32_t references_ = 0;
    ParameterTable* table_ = nullptr;
};

// Counted reference; a set dies with its last one.
class ParameterRef {
  public:
    ParameterRef() = default;
    explicit ParameterRef(ParameterSet* set) : set_(set) { retain(); }
    ParameterRef(const ParameterRef& other) : set_(other.set_) { retain(); }
    ParameterRef(ParameterRef&& other) noexcept : set_(std::exchange(other.set_, nullptr)) {}
    ParameterRef& operator=(const ParameterRef& other) {
        if (set_ != other.set_)
            ParameterRef(other).swap(*this);
        return *this;
    }
    ParameterRef& operator=(ParameterRef&& other) noexcept {
        swap(other);
        return *this;
    }
    ~ParameterRef() { release(); }

    void swap(ParameterRef& other) noexcept { std::swap(set_, other.set_); }
    const ParameterSet* operator->() const { return set_; }
    const ParameterSet& operator*() const { return *set_; }
    const ParameterSet* get() const { return set_; }
    explicit operator bool() const { return set_ != nullptr; }
    bool operator==(const ParameterRef& other) const { return set_ == other.set_; }

  private:
    void retain() {
        if (set_ != nullptr)
            ++set_->references_;
    }
    void release();

    ParameterSet* set_ = nullptr;
};

class ParameterTable {
  public:
    ParameterTable() = default;
    ParameterTable(const ParameterTable&) = delete;
    ParameterTable& operator=(const ParameterTable&) = delete;
    ~ParameterTable(); // every reference must be gone

    // Later entries win over earlier ones of the same name.
    ParameterRef intern(std::vector<Parameter> entries);
    ParameterRef empty() { return intern({}); }
    ParameterRef with(const ParameterRef& set, std::string_view name, std::string_view value);
    ParameterRef without(const ParameterRef& set, std::string_view name);
    std::size_t size() const { return sets_.size(); }

  private:
    friend class ParameterRef;
    void remove(ParameterSet* set);

    std::unordered_multimap<std::uint64_t, ParameterSet*> sets_;
};

bool same_name(std::string_view a, std::string_view b);

// The statements which turn a session that has `from` into one that has `to`, as one simple query text; empty when
// there is nothing to do. Values are quoted so that standard_conforming_strings does not matter; `role` is reset first
// and set last, since another role may lack the right to set the rest.
std::string replay_text(const ParameterSet& from, const ParameterSet& to);

// 'text' as a literal in any setting of standard_conforming_strings.
void append_literal(std::string& out, std::string_view text);

} // namespace rekey::protocol::postgres
