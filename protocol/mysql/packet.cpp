#include "protocol/mysql/packet.hpp"

#include "protocol/common/assert.hpp"

namespace rekey::protocol::mysql {

std::uint64_t PacketReader::number(std::size_t size) {
    if (rest_.size() < size) {
        fail();
        return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;)
        value = value << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return value;
}

std::uint64_t PacketReader::lenenc() {
    auto first = u8();
    switch (first) {
    case 0xfc:
        return u16();
    case 0xfd:
        return u24();
    case 0xfe:
        return u64();
    case 0xfb:
    case 0xff:
        fail();
        return 0;
    default:
        return first;
    }
}

std::string_view PacketReader::lenenc_text() {
    return bytes(lenenc());
}

std::string_view PacketReader::text() {
    auto end = rest_.find('\0');
    if (end == std::string_view::npos) {
        fail();
        return {};
    }
    auto value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return value;
}

std::string_view PacketReader::text_or_rest() {
    return rest_.find('\0') == std::string_view::npos ? rest() : text();
}

std::string_view PacketReader::bytes(std::uint64_t count) {
    if (rest_.size() < count) {
        fail();
        return {};
    }
    auto value = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(value.size());
    return value;
}

PacketWriter& PacketWriter::number(std::uint64_t value, std::size_t size) {
    for (; size > 0; --size, value >>= 8)
        out_.push_back(static_cast<char>(value));
    return *this;
}

PacketWriter& PacketWriter::zeros(std::size_t count) {
    out_.append(count, '\0');
    return *this;
}

PacketWriter& PacketWriter::lenenc(std::uint64_t value) {
    switch (lenenc_size(value)) {
    case 1:
        return u8(value);
    case 3:
        return u8(0xfc).u16(value);
    case 4:
        return u8(0xfd).u24(value);
    default:
        return u8(0xfe).u64(value);
    }
}

PacketWriter& PacketWriter::lenenc_text(std::string_view value) {
    return lenenc(value.size()).bytes(value);
}

PacketWriter& PacketWriter::text(std::string_view value) {
    REKEY_ASSERT(value.find('\0') == std::string_view::npos);
    return bytes(value).u8(0);
}

PacketWriter& PacketWriter::bytes(std::string_view value) {
    out_.append(value);
    return *this;
}

std::uint8_t PacketWriter::end() {
    auto size = out_.size() - start_ - packet_header_size;
    auto at = start_;
    while (size >= packet_payload_max) {
        store_packet_header(&out_[at], packet_payload_max, sequence_++);
        at += packet_header_size + packet_payload_max;
        out_.insert(at, packet_header_size, '\0');
        size -= packet_payload_max;
    }
    store_packet_header(&out_[at], static_cast<std::uint32_t>(size), sequence_++);
    return sequence_;
}

} // namespace rekey::protocol::mysql
