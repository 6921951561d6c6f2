// The replies a backend still owes, in order. What makes a multiplexer right under pipelining, injection and errors.
#pragma once

#include "protocol/common/assert.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace rekey::protocol {

// Its memory is used again: a queue that runs empty between commands allocates nothing.
template <typename Entry>
class Owed {
  public:
    bool empty() const { return head_ == entries_.size(); }
    std::size_t size() const { return entries_.size() - head_; }
    Entry& front() {
        REKEY_ASSERT(!empty());
        return entries_[head_];
    }
    const Entry& front() const { return entries_[head_]; }
    void push(Entry entry) { entries_.push_back(std::move(entry)); }
    template <typename... Fields>
    void push(Fields&&... fields) {
        entries_.push_back(Entry{std::forward<Fields>(fields)...});
    }
    Entry pop() {
        REKEY_ASSERT(!empty());
        auto first = std::move(entries_[head_]);
        ++head_;
        restart();
        return first;
    }
    // In order, the front first.
    auto begin() { return entries_.begin() + static_cast<std::ptrdiff_t>(head_); }
    auto end() { return entries_.end(); }
    auto begin() const { return entries_.begin() + static_cast<std::ptrdiff_t>(head_); }
    auto end() const { return entries_.end(); }
    void erase(typename std::vector<Entry>::iterator at) {
        entries_.erase(at);
        restart();
    }
    void clear() {
        entries_.clear();
        head_ = 0;
    }

  private:
    void restart() {
        if (empty())
            clear();
    }

    std::vector<Entry> entries_;
    std::size_t head_ = 0;
};

} // namespace rekey::protocol
