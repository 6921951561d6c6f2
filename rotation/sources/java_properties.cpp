#include "rotation/sources/keyed_document.hpp"

#include <charconv>

namespace rekey::rotation {

namespace {

constexpr std::string_view blanks = " \t\f";

std::string_view without_blanks_before(std::string_view text) {
    auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// An odd number of backslashes at the end: the next line goes on.
bool goes_on(std::string_view line) {
    auto last = line.find_last_not_of('\\');
    auto count = line.size() - (last == std::string_view::npos ? 0 : last + 1);
    return count % 2 == 1;
}

// Lines as the text has them; \n, \r\n and \r end one.
class Lines {
  public:
    explicit Lines(std::string_view text) : rest_(text) {}

    bool next(std::string_view& line) {
        if (rest_.empty())
            return false;
        ++number_;
        auto end = std::min(rest_.find_first_of("\r\n"), rest_.size());
        line = rest_.substr(0, end);
        rest_.remove_prefix(end);
        if (!rest_.empty())
            rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
        return true;
    }
    std::size_t number() const { return number_; }

  private:
    std::string_view rest_;
    std::size_t number_ = 0;
};

void append_utf8(std::string& out, std::uint32_t code) {
    auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | code >> 6);
        tail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | code >> 12);
        tail(6);
        tail(0);
    } else {
        out += static_cast<char>(0xf0 | code >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

// The four digits behind \u at `at`.
bool read_unit(std::string_view text, std::size_t at, std::uint32_t& unit) {
    if (text.size() < at + 4)
        return false;
    const char* begin = text.data() + at;
    auto [end, error] = std::from_chars(begin, begin + 4, unit, 16);
    return error == std::errc() && end == begin + 4;
}

// A character of UTF-16 at `at`, in one unit or two; false: it is none.
bool read_code(std::string_view text, std::size_t& at, std::string& out) {
    std::uint32_t code = 0, low = 0;
    if (!read_unit(text, at, code))
        return false;
    at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        if (text.substr(at, 2) != "\\u" || !read_unit(text, at + 2, low) || low < 0xdc00 || low > 0xdfff)
            return false;
        at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return false;
    }
    append_utf8(out, code);
    return true;
}

bool unescape(std::string_view text, std::string& out) {
    out.reserve(text.size()); // it never grows beyond
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '\\') {
            out += text[i++];
            continue;
        }
        if (++i == text.size())
            return true; // at the end of everything it is dropped
        char c = text[i++];
        constexpr std::string_view letters = "tnrf", meanings = "\t\n\r\f";
        if (c == 'u') {
            if (!read_code(text, i, out))
                return false;
        } else {
            auto known = letters.find(c);
            out += known == std::string_view::npos ? c : meanings[known];
        }
    }
    return true;
}

// The end of the key: the first =, : or blank that no backslash protects.
std::size_t end_of_key(std::string_view line) {
    std::size_t i = 0;
    while (i < line.size() && line[i] != '=' && line[i] != ':' && blanks.find(line[i]) == std::string_view::npos)
        i += line[i] == '\\' ? 2 : 1;
    return std::min(i, line.size());
}

std::string_view value_behind(std::string_view line, std::size_t key) {
    auto rest = without_blanks_before(line.substr(key));
    if (rest.starts_with('=') || rest.starts_with(':'))
        rest = without_blanks_before(rest.substr(1));
    return rest;
}

// One logical line. Empty, or what is wrong with it.
std::string take(std::string_view line, KeyedValues& values) {
    auto end = end_of_key(line);
    std::string key, value;
    if (!unescape(line.substr(0, end), key) || !values.wants(key))
        return {};
    if (!unescape(value_behind(line, end), value)) {
        protocol::cleanse(value);
        return "has a \\u that is no character";
    }
    return values.set(key, value) ? std::string() : "says " + key + " again";
}

} // namespace

std::string read_java_properties(std::string_view text, KeyedValues& values) {
    std::string logical, error;
    logical.reserve(text.size()); // it never grows, so that no copy of a secret stays behind
    Lines lines(text);
    std::string_view line;
    while (error.empty() && lines.next(line)) {
        auto number = lines.number();
        line = without_blanks_before(line);
        if (line.empty() || line.front() == '#' || line.front() == '!')
            continue;
        logical = line;
        while (goes_on(line)) {
            logical.pop_back();
            if (!lines.next(line))
                break;
            line = without_blanks_before(line);
            logical += line;
        }
        error = take(logical, values);
        if (!error.empty())
            error = "line " + std::to_string(number) + " " + error;
    }
    logical.resize(logical.capacity()); // what shorter lines have left of longer ones
    protocol::cleanse(logical);
    return error;
}

} // namespace rekey::rotation
