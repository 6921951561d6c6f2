// What a login may put between a connection's bytes and its exchange: another encoding of both directions.
//
// Sans-I/O, and pulled: what the peer sent is decoded as far as the caller has room for it, so that the most that a
// peer's bytes can come to is never held at once.
#pragma once

#include "protocol/common/output.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rekey::protocol {

class Transform {
  public:
    virtual ~Transform() = default;

    // What was read. Kept until it is decoded; give no more while decode() has something to say.
    virtual void feed(std::string_view in) = 0;
    // The size of what was put into `into`. 0: more input is needed, or failure() says that there is no going on.
    virtual std::size_t decode(std::span<char> into) = 0;
    // Empty: none so far.
    virtual std::string_view failure() const = 0;
    // Appends what is to be written for it. Nothing that the peer could use by itself is held back.
    virtual void encode(const Output& output, std::string& out) = 0;
};

} // namespace rekey::protocol
