#include "rotation/audit_chain.hpp"
#include "rotation/rfc3339.hpp"

#include <boost/json.hpp>

namespace rekey::rotation {

namespace json = boost::json;

namespace {

constexpr std::string_view before_hash = ",\"hash\":\"";
constexpr std::string_view after_hash = "\"}";
constexpr std::size_t hash_size = 64;
constexpr std::size_t tail_size = before_hash.size() + hash_size + after_hash.size();

// Length of the UTF-8 sequence that `text` begins with (RFC 3629, no surrogates, no over-long forms); 0: none.
std::size_t sequence_at(std::string_view text) {
    auto byte = [&text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    unsigned lead = byte(0);
    if (lead < 0x80)
        return 1;
    std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xC0) != 0x80)
            return 0;
    bool forbidden = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
                     (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F);
    return forbidden ? 0 : size;
}

// A server's message may hold any bytes; JSON may not.
std::string as_utf8(std::string_view text) {
    std::string clean;
    while (!text.empty()) {
        auto size = sequence_at(text);
        clean += size == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, size);
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return clean;
}

std::string text_of(const json::object& object, std::string_view key) {
    auto* member = object.if_contains(key);
    auto* text = member == nullptr ? nullptr : member->if_string();
    return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

} // namespace

std::string encode_audit_line(const AuditRecord& record, const std::string& previous, std::string& hash) {
    json::object details;
    for (const auto& [key, value] : record.details)
        details[as_utf8(key)] = as_utf8(value);
    json::object object; // keeps the order of insertion
    object["time"] = format_rfc3339(record.time);
    object["event"] = to_string(record.event);
    object["credential"] = as_utf8(record.credential);
    object["rotation"] = as_utf8(record.rotation_id);
    object["generation"] = record.generation;
    object["result"] = as_utf8(record.result);
    object["details"] = std::move(details);
    object["previous"] = previous;
    std::string line = json::serialize(object);
    line.pop_back(); // the brace comes after the hash
    hash = Sha256::hex_of(line);
    line += before_hash;
    line += hash;
    line += after_hash;
    return line;
}

std::optional<AuditLine> decode_audit_line(std::string_view line) {
    if (line.size() < tail_size || line.size() > audit_longest_line)
        return std::nullopt;
    auto hashed = line.substr(0, line.size() - tail_size);
    auto tail = line.substr(hashed.size());
    AuditLine decoded;
    decoded.hash = tail.substr(before_hash.size(), hash_size);
    if (!tail.starts_with(before_hash) || !tail.ends_with(after_hash) || Sha256::hex_of(hashed) != decoded.hash)
        return std::nullopt;
    boost::system::error_code error;
    auto value = json::parse(line, error);
    auto* object = error ? nullptr : value.if_object();
    if (object == nullptr)
        return std::nullopt;
    decoded.previous = text_of(*object, "previous");
    auto* details_member = object->if_contains("details");
    auto* details = details_member == nullptr ? nullptr : details_member->if_object();
    if (details == nullptr || text_of(*object, "event") != to_string(AuditEvent::recover) ||
        !text_of(*object, "credential").empty())
        return decoded;
    decoded.note = text_of(*object, "result");
    decoded.torn_sha256 = text_of(*details, "sha256");
    decoded.reason = text_of(*details, "reason");
    decoded.count = text_of(*details, "count");
    return decoded;
}

} // namespace rekey::rotation
