#include "protocol/common/bytes.hpp"

#include "protocol/common/assert.hpp"

namespace rekey::protocol {

std::uint64_t Reader::number(std::size_t size) {
    if (rest_.size() < size) {
        fail();
        return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
        value = value << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return value;
}

std::string_view Reader::text() {
    auto end = rest_.find('\0');
    if (end == std::string_view::npos) {
        fail();
        return {};
    }
    auto value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return value;
}

std::string_view Reader::bytes(std::size_t count) {
    if (rest_.size() < count) {
        fail();
        return {};
    }
    auto value = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return value;
}

Writer& Writer::u8(std::uint8_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
}

Writer& Writer::u16(std::uint16_t value) {
    out_.push_back(static_cast<char>(value >> 8));
    out_.push_back(static_cast<char>(value));
    return *this;
}

Writer& Writer::u32(std::uint32_t value) {
    char bytes[4];
    store_u32(bytes, value);
    out_.append(bytes, 4);
    return *this;
}

Writer& Writer::text(std::string_view value) {
    REKEY_ASSERT(value.find('\0') == std::string_view::npos);
    out_.append(value);
    out_.push_back('\0');
    return *this;
}

Writer& Writer::bytes(std::string_view value) {
    out_.append(value);
    return *this;
}

} // namespace rekey::protocol
