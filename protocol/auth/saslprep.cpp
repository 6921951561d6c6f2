#include "protocol/auth/saslprep.hpp"

#include "protocol/auth/saslprep_tables.hpp"
#include "protocol/auth/utf8.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace rekey::protocol::auth {

namespace {

using namespace saslprep_tables;

// Hangul syllables are composed by arithmetic: Unicode Standard, 3.12.
constexpr char32_t hangul_first = 0xac00, hangul_count = 11172;
constexpr char32_t lead_first = 0x1100, vowel_first = 0x1161, tail_before = 0x11a7; // a tail of 0 is no tail
constexpr char32_t lead_count = 19, vowel_count = 21, tail_count = 28;

void cleanse_codes(std::u32string& codes) {
    codes.resize(codes.capacity()); // also what was erased at the end
    OPENSSL_cleanse(codes.data(), codes.size() * sizeof(char32_t));
    codes.clear();
}

// The last entry that begins at `code` or before it.
template <typename Entry>
const Entry* entry_before(std::span<const Entry> table, char32_t code, char32_t Entry::* first) {
    auto after = std::upper_bound(table.begin(), table.end(), code,
                                  [first](char32_t value, const Entry& entry) { return value < entry.*first; });
    return after == table.begin() ? nullptr : &*(after - 1);
}

bool is_in(std::span<const CodeRange> table, char32_t code) {
    const auto* range = entry_before(table, code, &CodeRange::first);
    return range != nullptr && code <= range->last;
}

std::uint8_t combining_class(char32_t code) {
    const auto* entry = entry_before(combining_classes, code, &CombiningClass::first);
    return entry != nullptr && code <= entry->last ? entry->value : std::uint8_t{0};
}

void decompose(char32_t code, std::u32string& out) {
    if (code >= hangul_first && code < hangul_first + hangul_count) {
        auto index = code - hangul_first;
        out.push_back(lead_first + index / (vowel_count * tail_count));
        out.push_back(vowel_first + index / tail_count % vowel_count);
        if (auto tail = index % tail_count; tail != 0)
            out.push_back(tail_before + tail);
        return;
    }
    if (const auto* run = entry_before(replacement_runs, code, &ReplacementRun::first);
        run != nullptr && code < run->first + run->count) {
        out.push_back(run->target + (code - run->first));
        return;
    }
    if (const auto* entry = entry_before(decompositions, code, &Decomposition::from);
        entry != nullptr && entry->from == code)
        out.append(decomposed.data() + entry->offset, entry->size);
    else
        out.push_back(code);
}

// Combining marks behind one base are sorted by class; those of one class keep their order.
void order(std::u32string& codes) {
    auto is_base = [](char32_t code) { return combining_class(code) == 0; };
    for (auto from = codes.begin(); from != codes.end();) {
        from = std::find_if_not(from, codes.end(), is_base);
        auto to = std::find_if(from, codes.end(), is_base);
        std::stable_sort(from, to, [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
        from = to;
    }
}

// 0 if the two do not compose.
char32_t composed(char32_t first, char32_t second) {
    if (first >= lead_first && first < lead_first + lead_count && second >= vowel_first &&
        second < vowel_first + vowel_count)
        return hangul_first + ((first - lead_first) * vowel_count + second - vowel_first) * tail_count;
    if (first >= hangul_first && first < hangul_first + hangul_count && (first - hangul_first) % tail_count == 0 &&
        second > tail_before && second < tail_before + tail_count)
        return first + (second - tail_before);
    auto less = [](const Composition& a, const Composition& b) {
        return a.first != b.first ? a.first < b.first : a.second < b.second;
    };
    auto found = std::lower_bound(compositions.begin(), compositions.end(), Composition{first, second, 0}, less);
    return found != compositions.end() && found->first == first && found->second == second ? found->composed : 0;
}

// In place; each mark joins the last base before it unless another mark of its class, or of a higher one, stands
// between.
void compose(std::u32string& codes) {
    if (codes.empty())
        return;
    std::size_t base = 0, size = 1;
    int last_class = combining_class(codes[0]) == 0 ? -1 : 256;
    for (std::size_t i = 1; i < codes.size(); ++i) {
        auto code = codes[i];
        int own_class = combining_class(code);
        auto joined = last_class < own_class ? composed(codes[base], code) : 0;
        if (joined != 0) {
            codes[base] = joined;
            continue;
        }
        if (own_class == 0) {
            base = size;
            last_class = -1;
        } else {
            last_class = own_class;
        }
        codes[size++] = code;
    }
    codes.resize(size);
}

// Normalization form KC, Unicode Standard Annex 15.
std::u32string normalised(std::u32string_view codes) {
    constexpr std::size_t longest_decomposition = 18;
    std::u32string out;
    out.reserve(codes.size() * longest_decomposition); // one buffer, so that growing leaves no copies behind
    for (auto code : codes)
        decompose(code, out);
    order(out);
    compose(out);
    return out;
}

void map(std::u32string& codes) {
    for (auto& code : codes)
        if (is_in(spaces, code))
            code = U' ';
    std::erase_if(codes, [](char32_t code) { return is_in(mapped_to_nothing, code); });
}

// RFC 3454, section 6: with a right-to-left character, none of the other direction, and one at either end.
bool directions_agree(std::u32string_view codes) {
    auto to_left = [](char32_t code) { return is_in(right_to_left, code); };
    auto to_right = [](char32_t code) { return is_in(left_to_right, code); };
    if (std::none_of(codes.begin(), codes.end(), to_left))
        return true;
    return std::none_of(codes.begin(), codes.end(), to_right) && to_left(codes.front()) && to_left(codes.back());
}

bool is_refused(std::u32string_view codes) {
    return codes.empty() ||
           std::any_of(codes.begin(), codes.end(), [](char32_t code) { return is_in(refused, code); }) ||
           !directions_agree(codes);
}

} // namespace

std::optional<std::string> saslprep(std::string_view password) {
    if (std::all_of(password.begin(), password.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
        return std::string(password);
    auto codes = decode_utf8(password);
    if (!codes)
        return std::nullopt;
    map(*codes);
    std::optional<std::string> prepared;
    if (!is_refused(*codes)) {
        auto normal = normalised(*codes);
        prepared = encode_utf8(normal);
        cleanse_codes(normal);
    }
    cleanse_codes(*codes);
    return prepared;
}

} // namespace rekey::protocol::auth
