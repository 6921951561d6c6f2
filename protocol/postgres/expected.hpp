// The replies a backend still owes, in order. What makes a multiplexer right under pipelining, injection and errors.
// PostgreSQL manual 55.2.3, 55.2.4.
#pragma once

#include "protocol/common/assert.hpp"
#include "protocol/postgres/statements.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

enum class Request : std::uint8_t {
    // the client's
    query,
    function_call,
    parse,
    bind,
    describe,
    execute,
    close,
    sync,
    copy_done, // CopyDone or CopyFail inside an extended batch: no reply of its own
    // answered by us when it is their turn
    fake_parse,
    fake_close,
    // ours: the reply is swallowed
    own_parse,
    own_close,
    own_sync, // ends a batch of ours before a simple query
    own_query,
};

struct Expected {
    Request request = Request::query;
    StatementPtr statement; // parse, own_parse, own_close
};

class ExpectedReplies {
  public:
    bool empty() const { return head_ == entries_.size(); }
    std::size_t size() const { return entries_.size() - head_; }
    Expected& front() {
        REKEY_ASSERT(!empty());
        return entries_[head_];
    }
    const Expected& front() const { return entries_[head_]; }
    void push(Request request, StatementPtr statement = nullptr) {
        entries_.push_back({request, std::move(statement)});
    }
    void pop() {
        REKEY_ASSERT(!empty());
        entries_[head_].statement.reset();
        if (++head_ == entries_.size()) {
            entries_.clear();
            head_ = 0;
        }
    }
    // In order, the front first.
    auto begin() { return entries_.begin() + static_cast<std::ptrdiff_t>(head_); }
    auto end() { return entries_.end(); }
    void erase(std::vector<Expected>::iterator at) {
        entries_.erase(at);
        if (head_ == entries_.size()) {
            entries_.clear();
            head_ = 0;
        }
    }
    void clear() {
        entries_.clear();
        head_ = 0;
    }

  private:
    std::vector<Expected> entries_;
    std::size_t head_ = 0;
};

} // namespace rekey::protocol::postgres
