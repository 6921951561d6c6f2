#include "protocol/mysql/query_attributes.hpp"

#include <vector>

namespace rekey::protocol::mysql {

namespace {

constexpr std::uint64_t count_max = 0xffff; // the servers' own limit
constexpr std::uint16_t unsigned_bit = 0x8000;
constexpr std::uint8_t count_given = 8; // of the flags of an execution

bool is_null(std::string_view nulls, std::size_t i) {
    return (static_cast<unsigned char>(nulls[i / 8]) >> i % 8 & 1) != 0;
}

// False: a type whose values are not read alike by all servers, or by none.
bool skip_value(PacketReader& reader, unsigned type) {
    enum {
        decimal,
        tiny,
        small,
        integer,
        real,
        real8,
        timestamp = 7,
        integer8,
        date = 10,
        time,
        datetime,
        varchar = 15,
        bit,
        json = 245,
        geometry = 255
    };
    switch (type) {
    case tiny:
        reader.bytes(1);
        return true;
    case small:
        reader.bytes(2);
        return true;
    case integer:
    case real:
        reader.bytes(4);
        return true;
    case real8:
    case integer8:
        reader.bytes(8);
        return true;
    case decimal:
    case timestamp:
    case date:
    case time:
    case datetime:
    case varchar:
    case bit:
        reader.lenenc_text();
        return true;
    default:
        reader.lenenc_text();
        return type >= json && type <= geometry;
    }
}

} // namespace

std::size_t attributes_size(std::string_view query) {
    PacketReader reader(query);
    reader.u8();
    auto count = reader.lenenc();
    auto sets = reader.lenenc();
    if (reader.failed() || sets != 1 || count > count_max)
        return 0;
    if (count == 0)
        return query.size() - reader.left();
    auto nulls = reader.bytes((count + 7) / 8);
    if (reader.u8() != 1) // the types, which are never those of another execution here
        return 0;
    std::vector<unsigned> types;
    for (std::uint64_t i = 0; i < count && !reader.failed(); ++i) {
        types.push_back(reader.u16() & ~unsigned{unsigned_bit});
        reader.lenenc_text();
    }
    for (std::size_t i = 0; i < count && !reader.failed(); ++i)
        if (!is_null(nulls, i) && !skip_value(reader, types[i]))
            return 0;
    return reader.failed() ? 0 : query.size() - reader.left();
}

// Servers read a count before parameters whatever the flag says, and without any only where it is set.
bool read_execute_head(std::string_view payload, bool named, std::uint16_t parameters, ExecuteHead& head) {
    PacketReader reader(payload);
    reader.bytes(execute_flags_at);
    auto flags = reader.u8();
    reader.u32();
    bool counted = named && (parameters != 0 || (flags & count_given) != 0);
    head.count = counted ? reader.lenenc() : parameters;
    if (reader.failed() || head.count > count_max || head.count < parameters)
        return false;
    head.nulls = reader.bytes((head.count + 7) / 8);
    head.bound_at = payload.size() - reader.left();
    head.types_given = head.count != 0 && reader.u8() != 0;
    if (head.types_given && !named)
        head.plain_types = reader.bytes(2 * head.count);
    for (std::uint64_t i = 0; head.types_given && named && i < head.count && !reader.failed(); ++i) {
        auto type = reader.bytes(2);
        reader.lenenc_text();
        if (i < parameters)
            head.bare_types += type;
    }
    head.size = payload.size() - reader.left();
    return !reader.failed() && (head.types_given || head.count == parameters);
}

std::string without_attributes(std::string_view payload, std::uint16_t parameters, ExecuteHead& head) {
    std::string plain(payload.substr(0, execute_head_size));
    plain[execute_flags_at] = static_cast<char>(plain[execute_flags_at] & ~count_given);
    if (parameters == 0)
        return plain;
    plain += head.nulls.substr(0, (parameters + 7u) / 8);
    head.bound_at = plain.size();
    plain += static_cast<char>(head.types_given ? 1 : 0);
    return plain.append(head.types());
}

std::string with_types(std::string_view head, std::size_t bound_at, std::string_view types, bool named) {
    std::string made(head.substr(0, bound_at));
    made += '\1';
    for (; !types.empty(); types.remove_prefix(2)) {
        made += types.substr(0, 2);
        if (named)
            made += '\0'; // of no name
    }
    return made;
}

} // namespace rekey::protocol::mysql
