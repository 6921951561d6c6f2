// As much of Protocol Buffers as the dedicated gateway's messages need. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::alibaba {

// Appends a field of bytes or text; an empty one is not written, as proto3 has it. Up to 2^31 - 1 bytes.
void append_bytes(std::string& message, std::uint32_t field, std::string_view bytes);
void append_true(std::string& message, std::uint32_t field);

struct ProtobufField {
    std::uint32_t number = 0;
    std::string_view bytes;  // of a field of bytes or text; points into the message
    std::uint64_t value = 0; // of an integer; fixed-size numbers are passed over
};
// Nothing for what is no message, or has more than 64 fields.
std::optional<std::vector<ProtobufField>> parse_protobuf(std::string_view message);

// Of a field of bytes or text, the last one counts; empty: it is not there.
std::string_view protobuf_bytes(const std::vector<ProtobufField>& fields, std::uint32_t number);

} // namespace rekey::rotation::alibaba
