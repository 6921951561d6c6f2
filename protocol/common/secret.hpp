// A secret in memory: a password, a key, a token.
//
// Move-only; the bytes are cleansed when it dies or is overwritten. There is no stream operator, no formatter and no
// implicit conversion, so that a secret cannot reach a log by accident: reveal() is the one word to look for in a
// review. Not thread-safe; const use from several threads is fine.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rekey::protocol {

class Secret {
  public:
    Secret() = default;
    // Copies the bytes; the caller cleanses its own.
    explicit Secret(std::string_view bytes);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret();

    // Takes the bytes of `source` and cleanses it.
    static Secret take(std::string& source);
    Secret clone() const { return Secret(reveal()); }

    // Valid until the secret is moved from, assigned or destroyed.
    std::string_view reveal() const { return {data_, size_}; }
    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

  private:
    void clear() noexcept;

    char* data_ = nullptr; // malloc'ed, kept out of core files where the kernel allows it
    std::size_t size_ = 0;
};

// Time depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// Overwrites the characters before the string goes back to the allocator.
void cleanse(std::string& text);

} // namespace rekey::protocol
