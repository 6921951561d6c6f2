#include "rotation/alibaba/protobuf.hpp"

namespace rekey::rotation::alibaba {

namespace {

constexpr std::uint32_t varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5;
constexpr unsigned group = 7; // bits of a varint's byte
constexpr std::uint64_t more = 0x80;

void append_varint(std::string& message, std::uint64_t value) {
    for (; value >= more; value >>= group)
        message.push_back(static_cast<char>((value & (more - 1)) | more));
    message.push_back(static_cast<char>(value));
}

bool take_varint(std::string_view& rest, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += group) {
        auto byte = static_cast<unsigned char>(rest.front());
        rest.remove_prefix(1);
        if (shift == 63 && byte > 1)
            return false;
        value |= (byte & (more - 1)) << shift;
        if (byte < more)
            return true;
    }
    return false;
}

bool skip(std::string_view& rest, std::size_t size) {
    if (rest.size() < size)
        return false;
    rest.remove_prefix(size);
    return true;
}

bool take_value(std::string_view& rest, std::uint32_t type, ProtobufField& field) {
    std::uint64_t size = 0;
    switch (type) {
    case varint:
        return take_varint(rest, field.value);
    case fixed64:
        return skip(rest, 8);
    case fixed32:
        return skip(rest, 4);
    case delimited:
        if (!take_varint(rest, size) || size > rest.size())
            return false;
        field.bytes = rest.substr(0, static_cast<std::size_t>(size));
        return skip(rest, field.bytes.size());
    default:
        return false;
    }
}

} // namespace

void append_bytes(std::string& message, std::uint32_t field, std::string_view bytes) {
    if (bytes.empty())
        return;
    append_varint(message, (std::uint64_t{field} << 3) | delimited);
    append_varint(message, bytes.size());
    message.append(bytes);
}

void append_true(std::string& message, std::uint32_t field) {
    append_varint(message, (std::uint64_t{field} << 3) | varint);
    append_varint(message, 1);
}

std::optional<std::vector<ProtobufField>> parse_protobuf(std::string_view message) {
    constexpr std::size_t most = 64;
    constexpr std::uint64_t highest = (1U << 29) - 1;
    std::vector<ProtobufField> fields;
    while (!message.empty()) {
        std::uint64_t tag = 0;
        if (fields.size() == most || !take_varint(message, tag) || (tag >> 3) == 0 || (tag >> 3) > highest)
            return std::nullopt;
        auto& field = fields.emplace_back();
        field.number = static_cast<std::uint32_t>(tag >> 3);
        if (!take_value(message, tag & 7, field))
            return std::nullopt;
    }
    return fields;
}

std::string_view protobuf_bytes(const std::vector<ProtobufField>& fields, std::uint32_t number) {
    std::string_view bytes;
    for (const auto& field : fields)
        if (field.number == number)
            bytes = field.bytes;
    return bytes;
}

} // namespace rekey::rotation::alibaba
