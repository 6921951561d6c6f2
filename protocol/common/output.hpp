// What one turn of an exchange wants written to one peer: slices of the input, forwarded where they lie, and bytes of
// our own between them, in order. Lent by the worker for the turn; no slice outlives the input it points into.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace rekey::protocol {

class Output {
  public:
    struct Slice {
        const char* data = nullptr; // null: `offset` into own bytes
        std::size_t offset = 0;
        std::size_t size = 0;
    };
    // More slices than this are copied instead: writev takes no longer list for a gain.
    static constexpr std::size_t slices_max = 48;

    // Neighbours of the input grow together into one slice.
    void forward(const char* data, std::size_t size) {
        if (size == 0)
            return;
        total_ += size;
        if (count_ != 0) {
            auto& last = slices_[count_ - 1];
            if (last.data != nullptr && last.data + last.size == data) {
                last.size += size;
                return;
            }
        }
        if (count_ + 1 >= slices_max) {
            append({data, size});
            return;
        }
        slices_[count_++] = {data, 0, size};
    }
    void forward(std::string_view bytes) { forward(bytes.data(), bytes.size()); }
    // Copies the bytes.
    void inject(std::string_view bytes) {
        total_ += bytes.size();
        append(bytes);
    }

    std::size_t size() const { return total_; }
    bool empty() const { return total_ == 0; }
    std::size_t count() const { return count_; }
    std::string_view slice(std::size_t i) const {
        const auto& s = slices_[i];
        return {s.data != nullptr ? s.data : own_.data() + s.offset, s.size};
    }
    void clear() {
        count_ = 0;
        total_ = 0;
        if (own_.capacity() > 256 * 1024)
            own_ = std::string();
        own_.clear();
    }
    std::string text() const { // for tests
        std::string all;
        for (std::size_t i = 0; i < count_; ++i)
            all += slice(i);
        return all;
    }

  private:
    void append(std::string_view bytes) {
        if (bytes.empty())
            return;
        if (count_ == 0 || slices_[count_ - 1].data != nullptr)
            slices_[count_++] = {nullptr, own_.size(), 0};
        own_.append(bytes);
        slices_[count_ - 1].size += bytes.size();
    }

    std::array<Slice, slices_max> slices_;
    std::size_t count_ = 0, total_ = 0;
    std::string own_;
};

} // namespace rekey::protocol
