// What SASLprep has to know of Unicode. RFC 3454, appendices A to D; Unicode Standard Annex 15.
// Every table is sorted by its first column.
#pragma once

#include <cstdint>
#include <span>

namespace rekey::protocol::auth::saslprep_tables {

struct CodeRange {
    char32_t first, last;
};
// `count` code points from `first` on are replaced by those from `target` on.
struct ReplacementRun {
    char32_t first;
    std::uint32_t count;
    char32_t target;
};
// A code point and the part of `decomposed` it becomes.
struct Decomposition {
    char32_t from;
    std::uint16_t offset, size;
};
struct Composition {
    char32_t first, second, composed;
};
struct CombiningClass {
    char32_t first, last;
    std::uint8_t value;
};

extern const std::span<const CodeRange> spaces;            // C.1.2: become a space
extern const std::span<const CodeRange> mapped_to_nothing; // B.1
extern const std::span<const CodeRange> refused;           // A.1 (unassigned), C.1.2, C.2 to C.9
extern const std::span<const CodeRange> right_to_left;     // D.1
extern const std::span<const CodeRange> left_to_right;     // D.2
// Full compatibility decompositions, without Hangul syllables (which are computed).
extern const std::span<const ReplacementRun> replacement_runs;
extern const std::span<const Decomposition> decompositions;
extern const std::span<const char32_t> decomposed;
extern const std::span<const Composition> compositions;         // canonical, sorted by the first, then the second
extern const std::span<const CombiningClass> combining_classes; // other than 0

} // namespace rekey::protocol::auth::saslprep_tables
