// JSON that holds secrets: every buffer that parsing and serialising leave behind is cleansed.
#pragma once

#include <boost/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation {

// Cleanses on deallocation. Must outlive the values made on it.
class CleansingMemory final : public boost::json::memory_resource {
    void* do_allocate(std::size_t size, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override;
    bool do_is_equal(const boost::json::memory_resource& other) const noexcept override { return this == &other; }
};

// Empty for anything but exactly one JSON value, nested at most 32 deep. Bytes that are no UTF-8 are let through: a
// password may hold them.
std::optional<boost::json::value> parse_secret_json(std::string_view text, CleansingMemory& memory);

// The member of that name; null when `value` is null, no object, or has none.
const boost::json::value* json_member(const boost::json::value* value, std::string_view key);
// The same, or with a slash before it what the JSON pointer (RFC 6901) leads to.
const boost::json::value* json_part(const boost::json::value& root, const std::string& field);
// Empty when it is null or no text.
std::string_view json_text(const boost::json::value* value);
// A number serves where a text is meant: ports and versions are often written so.
std::string json_number_or_text(const boost::json::value* value);

// The caller cleanses the text.
std::string serialize_secret_json(const boost::json::value& value);

} // namespace rekey::rotation
