#include "config/gather.hpp"

#include "config/options.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

namespace rekey::config {

namespace {

constexpr std::size_t deepest_include = 8;
constexpr std::size_t most_files = 256;

std::string directory_of(const std::string& path) {
    auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// Adds one file's tree to another.
class Merger {
  public:
    explicit Merger(Problems& problems) : problems_(problems) {}

    // `table` is the option path of both, `shown` the one for messages.
    void merge_map(Node& into, Node&& from, const std::string& table, const std::string& shown) {
        for (auto& entry : from.entries) {
            auto option_path = child_path(table, entry.key), path = child_path(shown, entry.key);
            auto existing = std::find_if(into.entries.begin(), into.entries.end(),
                                         [&](const Entry& e) { return e.key == entry.key; });
            if (existing == into.entries.end()) {
                existing = into.entries.insert(existing, {entry.key, entry.place, Node()});
            } else if (existing->place.file == entry.place.file) {
                problems_.error(entry.place, path,
                                "is given twice (first in line " + std::to_string(existing->place.line) + ")");
                continue;
            } else if (entry.value.kind == Node::Kind::null) {
                continue; // an empty section adds nothing
            }
            merge_value(*existing, std::move(entry), option_path, path);
        }
    }

  private:
    void merge_value(Entry& into, Entry&& from, const std::string& table, const std::string& shown) {
        bool fresh = into.value.kind == Node::Kind::null;
        auto option = find_option(table);
        auto type = option != nullptr ? option->type : Type::text;
        auto kind = from.value.kind;
        bool section = (type == Type::section || type == Type::optional_section) && kind == Node::Kind::map;
        bool list = (type == Type::named_list || type == Type::list) && kind == Node::Kind::list;
        if (fresh && (section || list)) { // begin empty, so that the file's own repetitions are found
            into.value.kind = kind;
            into.value.place = from.value.place;
        }
        if (section && into.value.kind == Node::Kind::map) {
            merge_map(into.value, std::move(from.value), table, shown);
        } else if (list && into.value.kind == Node::Kind::list) {
            merge_list(into.value, std::move(from.value), type == Type::named_list, table, shown);
        } else {
            if (!fresh)
                problems_.warn(from.place, shown,
                               "is also set in " + into.place.file->name + ":" + std::to_string(into.place.line) +
                                   "; this one is used");
            into = std::move(from);
        }
    }

    void merge_list(Node& into, Node&& from, bool named, const std::string& table, const std::string& shown) {
        std::map<std::string, std::size_t> known;
        for (std::size_t i = 0; named && i < into.items.size(); ++i)
            known.emplace(name_of(into.items[i]), i);
        for (auto& item : from.items) {
            auto name = named ? name_of(item) : std::string();
            auto twin = name.empty() ? known.end() : known.find(name);
            auto path = entry_path(shown, item, into.items.size());
            if (twin == known.end()) {
                known.emplace(name, into.items.size());
                auto& added = into.items.emplace_back();
                added.kind = item.kind;
                added.place = item.place;
                if (item.kind == Node::Kind::map)
                    merge_map(added, std::move(item), table + "[]", path);
                else
                    added = std::move(item);
            } else if (auto first = into.items[twin->second].place; first.file == item.place.file) {
                problems_.error(item.place, path,
                                "is the name of two entries (the first in line " + std::to_string(first.line) + ")");
            } else {
                std::erase_if(item.entries, [](const Entry& e) { return e.key == "name"; });
                merge_map(into.items[twin->second], std::move(item), table + "[]", path);
            }
        }
    }

    static std::string name_of(const Node& entry) {
        auto name = entry.find("name");
        return name != nullptr ? name->text : std::string();
    }

    Problems& problems_;
};

// The commonest cause of a flow mapping that does not end.
std::string hint(std::string_view text, int line) {
    auto lines = split(text, '\n');
    auto index = static_cast<std::size_t>(line - 1);
    bool variable = index < lines.size() && lines[index].find("${") != std::string_view::npos;
    return variable ? " (inside { } a ${NAME} needs quotes)" : "";
}

class Gatherer {
  public:
    Gatherer(const Inputs& inputs, Gathered& gathered, Problems& problems)
        : inputs_(inputs), gathered_(gathered), problems_(problems) {}

    bool whole() const { return whole_; }

    void add_text(std::string_view text, const std::string& path) {
        auto& file = gathered_.files.emplace_back(SourceFile{path, directory_of(path), gathered_.files.size()});
        open_.push_back(std::filesystem::path(path).lexically_normal().string());
        auto tree = parse_tree(text, file);
        if (!tree.error.empty())
            incomplete({&file, tree.line}, "", tree.error + hint(text, tree.line));
        else if (tree.root.kind == Node::Kind::map)
            add_tree(std::move(tree.root));
        else if (tree.root.kind != Node::Kind::null)
            incomplete(tree.root.place, "", "expects `key: value` lines");
        open_.pop_back();
    }

  private:
    void add_tree(Node&& root) {
        expand(root, "");
        std::vector<Node> patterns;
        if (auto include = root.find("include")) {
            if (include->kind == Node::Kind::list)
                patterns = include->items;
            else if (include->kind == Node::Kind::scalar)
                patterns.push_back(*include);
            std::erase_if(root.entries, [&](const Entry& e) { return e.key == "include" && !patterns.empty(); });
        }
        Merger(problems_).merge_map(gathered_.root, std::move(root), "", "");
        for (const auto& pattern : patterns)
            include_pattern(pattern);
    }

    void include_pattern(const Node& pattern) {
        if (pattern.kind != Node::Kind::scalar || pattern.text.empty())
            return incomplete(pattern.place, "include", "expects the name of a file");
        auto path = resolve(pattern.place, pattern.text);
        if (path.find_first_of("*?[") == std::string::npos) {
            include_file(path, pattern.place);
            return;
        }
        for (const auto& match : inputs_.matching_files(path))
            include_file(match, pattern.place);
    }

    void include_file(const std::string& path, Place place) {
        auto normal = std::filesystem::path(path).lexically_normal().string();
        if (std::find(open_.begin(), open_.end(), normal) != open_.end())
            return incomplete(place, "include", path + " includes itself");
        if (open_.size() > deepest_include)
            return incomplete(place, "include", "is nested more than 8 files deep");
        if (gathered_.files.size() >= most_files)
            return incomplete(place, "include", "names more than 256 files");
        auto read = inputs_.read_file(path, longest_text);
        if (!read.error.empty())
            return incomplete(place, "include", "cannot read " + path + ": " + read.error);
        add_text(read.text, path);
    }

    void incomplete(Place place, const std::string& path, const std::string& message) {
        whole_ = false;
        problems_.error(place, path, message);
    }

    // ${NAME} in every scalar; $${ stands for ${.
    void expand(Node& node, const std::string& path) {
        for (std::size_t i = 0; i < node.items.size(); ++i)
            expand_item(node.items[i], path, i);
        for (auto& entry : node.entries)
            expand(entry.value, child_path(path, entry.key));
        if (node.kind == Node::Kind::scalar && node.text.find("${") != std::string::npos)
            expand_text(node, path);
    }

    void expand_item(Node& item, const std::string& list, std::size_t index) {
        if (item.kind != Node::Kind::map)
            return expand(item, list);
        auto name = item.find("name");
        if (name != nullptr) // before the others, whose paths it is part of
            expand(*name, list + "[" + std::to_string(index) + "].name");
        auto path = entry_path(list, item, index);
        for (auto& entry : item.entries)
            if (&entry.value != name)
                expand(entry.value, child_path(path, entry.key));
    }

    void expand_text(Node& node, const std::string& path) {
        std::string expanded;
        std::string_view rest = node.text;
        for (auto at = rest.find("${"); at != std::string_view::npos; at = rest.find("${")) {
            if (at > 0 && rest[at - 1] == '$') {
                expanded.append(rest.substr(0, at - 1)).append("${");
                rest.remove_prefix(at + 2);
                continue;
            }
            auto end = rest.find('}', at);
            if (end == std::string_view::npos)
                return problems_.error(node.place, path, "has a `${` without `}`; `$${` stands for `${` itself");
            std::string name(rest.substr(at + 2, end - at - 2));
            if (!is_variable_name(name)) // not shown: it may be part of a password
                return problems_.error(node.place, path,
                                       "has a `${...}` that names no environment variable; `$${` "
                                       "stands for `${` itself");
            auto value = inputs_.environment(name);
            if (!value)
                return problems_.error(node.place, path, "the environment variable " + name + " is not set");
            expanded.append(rest.substr(0, at)).append(*value);
            rest.remove_prefix(end + 1);
        }
        node.text = expanded.append(rest);
        protocol::cleanse(expanded);
    }

    const Inputs& inputs_;
    Gathered& gathered_;
    Problems& problems_;
    std::vector<std::string> open_; // the files being read, to find cycles
    bool whole_ = true;
};

} // namespace

bool gather(std::string_view text, const std::string& path, const Inputs& inputs, Gathered& gathered,
            Problems& problems) {
    gathered.root.kind = Node::Kind::map;
    Gatherer gatherer(inputs, gathered, problems);
    gatherer.add_text(text, path);
    gathered.root.place = {&gathered.files.front(), 1};
    return gatherer.whole();
}

std::string entry_path(std::string_view list, const Node& entry, std::size_t index) {
    auto name = entry.find("name");
    bool named = name != nullptr && name->kind == Node::Kind::scalar && !name->text.empty();
    return std::string(list) + "[" + (named ? name->text : std::to_string(index)) + "]";
}

std::string resolve(const Place& place, const std::string& path) {
    return path.starts_with('/') ? path : place.file->directory + path;
}

} // namespace rekey::config
