#include "config/check.hpp"

#include "config/complaint.hpp"
#include "config/gather.hpp"
#include "config/scalars.hpp"

#include <algorithm>

namespace rekey::config {

namespace {

class Checker {
  public:
    explicit Checker(Problems& problems) : problems_(problems) {}

    // `node` is null for a section that is not in the file.
    void section(const Node* node, const std::string& table, const std::string& shown) {
        if (node != nullptr && node->kind != Node::Kind::map && node->kind != Node::Kind::null)
            return problems_.error(shown, "expects keys and values");
        auto known = options_under(table);
        if (node != nullptr) {
            for (const auto& entry : node->entries)
                problems_.locate(child_path(shown, entry.key), entry.place);
            if (refuse_unsupported(*node, known, shown))
                return;
            unknown_keys(*node, known, shown);
        }
        for (auto option : known)
            check_option(*option, node, shown);
    }

    std::vector<Setting> take() { return std::move(settings_); }

  private:
    bool refuse_unsupported(const Node& node, const std::vector<const Option*>& known, const std::string& shown) {
        for (auto option : known) {
            auto value = node.find(option->key());
            if (option->type != Type::choice || value == nullptr)
                continue;
            for (auto choice : choices_of(*option))
                if (choice.name == value->text && !choice.supported)
                    problems_.refuse(shown, child_path(shown, option->key()), complaint(*option, value->text));
        }
        return problems_.refused(shown);
    }

    void unknown_keys(const Node& node, const std::vector<const Option*>& known, const std::string& shown) {
        std::vector<std::string_view> names;
        for (auto option : known)
            names.push_back(option->key());
        for (const auto& entry : node.entries)
            if (std::find(names.begin(), names.end(), entry.key) == names.end())
                problems_.error(child_path(shown, entry.key), "unknown key" + suggestion(entry.key, names));
    }

    void check_option(const Option& option, const Node* section_node, const std::string& shown) {
        auto path = child_path(shown, option.key());
        auto value = section_node != nullptr ? section_node->find(option.key()) : nullptr;
        if (problems_.bad(path))
            return;
        if (!option.only_for.empty() && !applies(option, section_node)) {
            if (value != nullptr)
                problems_.error(path, "applies only with " + readable(option.only_for));
            return;
        }
        if (option.apply == Apply::not_yet) {
            if (value != nullptr)
                problems_.error(path, "is not supported by this version");
            return;
        }
        if (value == nullptr && option.required())
            return problems_.error(path, "is missing");
        switch (option.type) {
        case Type::section:
            return section(value, std::string(option.path), path);
        case Type::optional_section:
            return value != nullptr ? section(value, std::string(option.path), path) : void();
        case Type::named_list:
        case Type::list:
            return value != nullptr ? entries(*value, option, path) : void();
        case Type::secret:
        case Type::user_password:
            return value != nullptr ? secret(*value, option, path) : void();
        case Type::texts:
        case Type::choices:
        case Type::addresses:
        case Type::networks:
            return scalars(value, option, path);
        case Type::boolean:
        case Type::integer:
        case Type::threads:
        case Type::duration:
        case Type::size:
        case Type::text:
        case Type::name:
        case Type::variable:
        case Type::choice:
        case Type::path:
        case Type::readable_path:
        case Type::address:
        case Type::window:
        case Type::uri:
            return scalar(value, option, path);
        }
    }

    // `type=file|exec`: whether the neighbour has one of the values, written or by default.
    static bool applies(const Option& option, const Node* section_node) {
        auto equals = option.only_for.find('=');
        auto neighbour = option.only_for.substr(0, equals);
        auto parent = option.path.substr(0, option.path.rfind('.'));
        auto value = section_node != nullptr ? section_node->find(neighbour) : nullptr;
        auto other = find_option(child_path(parent, neighbour));
        auto text = value != nullptr ? std::string_view(value->text) : other->default_value();
        for (auto wanted : split(option.only_for.substr(equals + 1), '|'))
            if (wanted == text)
                return true;
        return false;
    }

    static std::string readable(std::string_view only_for) {
        std::string text(only_for);
        text.replace(text.find('='), 1, ": ");
        return text;
    }

    void entries(const Node& value, const Option& option, const std::string& path) {
        if (value.kind == Node::Kind::null)
            return;
        if (value.kind != Node::Kind::list)
            return problems_.error(path, "expects a list");
        for (std::size_t i = 0; i < value.items.size(); ++i) {
            auto shown = entry_path(path, value.items[i], i);
            problems_.locate(shown, value.items[i].place);
            section(&value.items[i], std::string(option.path) + "[]", shown);
        }
    }

    void scalar(const Node* value, const Option& option, const std::string& path) {
        if (value == nullptr)
            return record_default(path, option);
        if (value->kind != Node::Kind::scalar)
            return problems_.error(path, value->kind == Node::Kind::null ? "has no value" : "expects a single value");
        auto why = complaint(option, value->text);
        if (!why.empty())
            problems_.error(path, why);
        record(path, value->text, option);
    }

    void scalars(const Node* value, const Option& option, const std::string& path) {
        if (value == nullptr)
            return record_default(path, option);
        if (option.type == Type::addresses && value->kind == Node::Kind::scalar && value->text == from_credential)
            return record(path, value->text, option);
        if (value->kind != Node::Kind::list)
            return problems_.error(path, "expects a list, like [a, b]");
        std::string all;
        for (const auto& item : value->items) {
            auto why =
                item.kind == Node::Kind::scalar ? complaint(option, item.text) : "expects a list of single values";
            if (!why.empty())
                problems_.error(item.place, path, why);
            all += (all.empty() ? "" : ", ") + item.text;
        }
        record(path, all, option);
    }

    // What is in it is read later; here only that it is the right shape. Nothing of it is ever shown.
    void secret(const Node& value, const Option& option, const std::string& path) {
        bool user = option.type == Type::user_password;
        std::string shape = user ? "{ file | env | verifier | value: ... }" : "{ file | env | value: ... }";
        if (value.kind != Node::Kind::map)
            return problems_.error(path, "expects a mapping " + shape);
        int given = 0;
        for (const auto& entry : value.entries) {
            auto known = std::find_if(secret_options().begin(), secret_options().end(),
                                      [&](const Option& o) { return o.path == entry.key; });
            if (known == secret_options().end() || (entry.key == "verifier" && !user))
                return problems_.error(entry.place, path, "has an unknown key; expects " + shape);
            problems_.locate(child_path(path, entry.key), entry.place);
            secret_entry(entry, *known, child_path(path, entry.key));
            given += entry.key != "strict_permissions";
        }
        if (given != 1)
            problems_.error(path, "expects exactly one of " + shape);
        record(path, "(secret)", option);
    }

    void secret_entry(const Entry& entry, const Option& option, const std::string& path) {
        bool list = option.type == Type::texts && entry.value.kind == Node::Kind::list;
        bool scalars_only = std::all_of(entry.value.items.begin(), entry.value.items.end(),
                                        [](const Node& item) { return item.kind == Node::Kind::scalar; });
        if (!scalars_only || (!list && entry.value.kind != Node::Kind::scalar))
            problems_.error(path, entry.value.kind == Node::Kind::null ? "has no value" : "expects a single value");
        else if (!list && !complaint(option, entry.value.text).empty())
            problems_.error(path, option.type == Type::boolean ? "expects true or false"
                                  : entry.value.text.empty()   ? "is empty"
                                                               : "expects the name of an environment variable");
    }

    void record_default(const std::string& path, const Option& option) {
        if (!option.default_value().empty())
            record(path, std::string(option.default_value()), option);
    }

    void record(const std::string& path, const std::string& text, const Option& option) {
        bool counts = option.type == Type::integer || option.type == Type::duration || option.type == Type::size;
        auto number = counts ? parse_number(option, text) : std::nullopt; // 60s and 1m are the same
        settings_.push_back({path, text, number ? std::to_string(*number) : text, &option});
    }

    Problems& problems_;
    std::vector<Setting> settings_;
};

} // namespace

std::vector<Setting> check(const Node& root, Problems& problems) {
    problems.locate("", root.place);
    Checker checker(problems);
    checker.section(&root, "", "");
    return checker.take();
}

} // namespace rekey::config
