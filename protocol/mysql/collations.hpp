// Numbers of character sets' default collations, as a greeting and a login carry them. MySQL manual, "Character Sets
// and Collations in MySQL"; INFORMATION_SCHEMA.COLLATIONS.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace rekey::protocol::mysql {

// Of a character set's or a collation's name in lower case; absent: not known, or above what a byte holds.
inline std::optional<std::uint8_t> collation_number(std::string_view name) {
    struct Entry {
        std::string_view charset, collation;
        std::uint8_t number;
    };
    static constexpr Entry entries[] = {
        {"utf8mb4", "utf8mb4_general_ci", 45}, {"", "utf8mb4_bin", 46},
        {"", "utf8mb4_unicode_ci", 224},       {"", "utf8mb4_0900_ai_ci", 255},
        {"utf8mb3", "utf8mb3_general_ci", 33}, {"utf8", "utf8_general_ci", 33},
        {"latin1", "latin1_swedish_ci", 8},    {"latin2", "latin2_general_ci", 9},
        {"ascii", "ascii_general_ci", 11},     {"binary", "binary", 63},
        {"big5", "big5_chinese_ci", 1},        {"gbk", "gbk_chinese_ci", 28},
        {"gb2312", "gb2312_chinese_ci", 24},   {"gb18030", "gb18030_chinese_ci", 248},
        {"sjis", "sjis_japanese_ci", 13},      {"cp932", "cp932_japanese_ci", 95},
        {"ujis", "ujis_japanese_ci", 12},      {"euckr", "euckr_korean_ci", 19},
        {"koi8r", "koi8r_general_ci", 7},      {"cp1251", "cp1251_general_ci", 51},
        {"cp1250", "cp1250_general_ci", 26},   {"greek", "greek_general_ci", 25},
        {"hebrew", "hebrew_general_ci", 16},
    };
    auto known = std::find_if(std::begin(entries), std::end(entries), [&](const Entry& e) {
        return e.collation == name || (!name.empty() && e.charset == name);
    });
    if (known == std::end(entries))
        return std::nullopt;
    return known->number;
}

} // namespace rekey::protocol::mysql
