#include "rotation/sources/flat_lines.hpp"
#include "rotation/sources/keyed_document.hpp"

#include <optional>

namespace rekey::rotation {

namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
    auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_comment(std::string_view text) {
    return text.empty() || text.front() == '#';
}

struct Line {
    std::string_view key, value;
};

// `text` behind a key: a colon, and a blank or the end behind that.
std::optional<std::string_view> behind_colon(std::string_view text) {
    auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos || text[first] != ':')
        return std::nullopt;
    text.remove_prefix(first + 1);
    if (!text.empty() && blanks.find(text.front()) == std::string_view::npos)
        return std::nullopt;
    return trimmed(text);
}

// `key: value` with a plain or quoted key; absent: whatever else YAML has.
std::optional<Line> split(std::string_view text) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    bool quoted = text.front() == '"' || text.front() == '\'';
    auto begin = quoted ? std::size_t{1} : 0;
    auto end = quoted ? text.find(text.front(), 1) : text.find_first_not_of(plain);
    if (end == std::string_view::npos || end == begin || text.starts_with("- "))
        return std::nullopt;
    auto value = behind_colon(text.substr(end + begin));
    if (!value)
        return std::nullopt;
    return Line{text.substr(begin, end - begin), *value};
}

class NestedReader {
  public:
    explicit NestedReader(KeyedValues& values) : values_(values) {}

    // Empty, or what is wrong with the line.
    std::string take(std::string_view line) {
        auto indent = std::min(line.find_first_not_of(blanks), line.size());
        auto text = trimmed(line);
        if (is_comment(text))
            return {};
        if (indent > taken_at_)
            return "goes on with the value before it: put that in quotes, on one line";
        taken_at_ = nowhere;
        while (!levels_.empty() && levels_.back().indent >= indent)
            levels_.pop_back();
        auto pair = split(text);
        // No key has a line end in it: what stands below something that is not understood is nobody's.
        auto path = (levels_.empty() ? "" : levels_.back().path + ".") + (pair ? std::string(pair->key) : "\n");
        std::string error;
        if (pair && values_.wants(path) && !is_comment(pair->value)) {
            error = take_value(path, pair->value);
            taken_at_ = indent;
        }
        levels_.push_back({indent, std::move(path)});
        return error;
    }

  private:
    struct Level {
        std::size_t indent;
        std::string path;
    };

    std::string take_value(const std::string& path, std::string_view text) {
        std::string value;
        if (!read_yaml_text(text, value)) {
            protocol::cleanse(value);
            return "has a value that needs more of YAML than Rekey reads: put it in quotes";
        }
        return values_.set(path, value) ? std::string() : "says " + path + " again";
    }

    KeyedValues& values_;
    std::vector<Level> levels_; // of keys whose values the line may be part of
    static constexpr auto nowhere = std::string_view::npos;
    std::size_t taken_at_ = nowhere; // the depth of the line before, if that had a wanted value
};

} // namespace

std::string read_nested_yaml(std::string_view text, KeyedValues& values) {
    NestedReader reader(values);
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (auto wrong = reader.take(line); !wrong.empty())
            return "line " + std::to_string(number) + " " + wrong;
    }
    return {};
}

} // namespace rekey::rotation
