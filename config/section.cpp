#include "config/section.hpp"

#include "config/complaint.hpp"
#include "config/gather.hpp"

#include <filesystem>

namespace rekey::config {

const Option& Section::option(std::string_view key) const {
    auto found = find_option(child_path(table_, key));
    REKEY_ASSERT(found != nullptr);
    return *found;
}

std::vector<Section> Section::entries(std::string_view key) const {
    std::vector<Section> sections;
    if (auto list = node(key))
        for (std::size_t i = 0; i < list->items.size(); ++i)
            sections.emplace_back(&list->items[i], child_path(table_, key) + "[]",
                                  entry_path(shown(key), list->items[i], i));
    return sections;
}

std::string Section::text(std::string_view key) const {
    auto value = node(key);
    const auto& its = option(key);
    bool good = value != nullptr && value->kind == Node::Kind::scalar && complaint(its, value->text).empty();
    return good ? value->text : std::string(its.default_value());
}

std::vector<std::string> Section::texts(std::string_view key) const {
    const auto& its = option(key);
    std::vector<std::string> values;
    if (auto list = node(key)) {
        for (const auto& item : list->items)
            if (complaint(its, item.text).empty())
                values.push_back(item.text);
        return values;
    }
    for (auto part : split(its.default_value(), ','))
        values.emplace_back(part.substr(std::min(part.find_first_not_of(' '), part.size())));
    return values;
}

std::string Section::path(std::string_view key) const {
    auto value = text(key);
    return value.empty() ? std::string() : absolute_path(key, value);
}

std::string Section::absolute_path(std::string_view key, const std::string& file) const {
    auto resolved = resolve(node(key)->place, file);
    std::error_code error;
    auto absolute = std::filesystem::absolute(resolved, error);
    return error ? resolved : absolute.lexically_normal().string();
}

std::vector<Address> Section::addresses(std::string_view key) const {
    std::vector<Address> found;
    for (const auto& text : texts(key))
        found.push_back(*parse_address(text));
    return found;
}

std::size_t Section::choice_index(std::string_view key) const {
    auto choices = choices_of(option(key));
    auto wanted = text(key);
    auto found = std::find_if(choices.begin(), choices.end(), [&](const Choice& c) { return c.name == wanted; });
    return found == choices.end() ? 0 : static_cast<std::size_t>(found - choices.begin());
}

} // namespace rekey::config
