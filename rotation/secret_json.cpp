#include "rotation/secret_json.hpp"

#include "protocol/common/assert.hpp"
#include "protocol/common/secret.hpp"

#include <openssl/crypto.h>

#include <new>

namespace rekey::rotation {

namespace json = boost::json;

// The alignment is not passed on: Boost.JSON 1.81 gives some keys back with another one than it asked for.
void* CleansingMemory::do_allocate(std::size_t size, std::size_t alignment) {
    REKEY_ASSERT(alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return ::operator new(size);
}

void CleansingMemory::do_deallocate(void* memory, std::size_t size, std::size_t) {
    OPENSSL_cleanse(memory, size);
    ::operator delete(memory, size);
}

std::optional<json::value> parse_secret_json(std::string_view text, CleansingMemory& memory) {
    json::parse_options options;
    options.allow_invalid_utf8 = true;
    json::storage_ptr storage(&memory);
    // Without storage of its own the parser would keep half-read strings in ordinary memory.
    json::parser parser(storage, options);
    parser.reset(storage);
    boost::system::error_code error;
    parser.write(text.data(), text.size(), error);
    if (error)
        return std::nullopt;
    return parser.release();
}

const json::value* json_member(const json::value* value, std::string_view key) {
    auto* object = value == nullptr ? nullptr : value->if_object();
    return object == nullptr ? nullptr : object->if_contains(json::string_view(key.data(), key.size()));
}

std::string_view json_text(const json::value* value) {
    auto* string = value == nullptr ? nullptr : value->if_string();
    return string == nullptr ? std::string_view() : std::string_view(string->data(), string->size());
}

std::string serialize_secret_json(const json::value& value) {
    std::string text;
    text.reserve(1024);
    json::serializer serializer;
    serializer.reset(&value);
    char buffer[512];
    while (!serializer.done()) {
        auto part = serializer.read(buffer, sizeof buffer);
        // A string that grows by itself would leave its old bytes behind.
        if (text.capacity() - text.size() < part.size()) {
            std::string larger;
            larger.reserve(2 * (text.size() + part.size()));
            larger = text;
            protocol::cleanse(text);
            text.swap(larger);
        }
        text.append(part.data(), part.size());
    }
    OPENSSL_cleanse(buffer, sizeof buffer);
    return text;
}

const json::value* json_part(const json::value& root, const std::string& field) {
    if (!field.starts_with('/'))
        return json_member(&root, field);
    boost::system::error_code none;
    return root.find_pointer(json::string_view(field.data(), field.size()), none);
}

std::string json_number_or_text(const json::value* value) {
    if (value != nullptr && (value->is_int64() || value->is_uint64()))
        return json::serialize(*value);
    return std::string(json_text(value));
}

} // namespace rekey::rotation
