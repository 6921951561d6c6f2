#include "rotation/sources/keyed_document.hpp"

#include "rotation/secret_json.hpp"
#include "rotation/sources/document.hpp"

namespace rekey::rotation {

namespace json = boost::json;
using config::DocumentFormat;

namespace {

std::string_view without_byte_order_mark(std::string_view text) {
    return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

bool is_object(std::string_view text) {
    auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

// `key=` before any `key:`.
bool looks_like_properties(std::string_view text) {
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        auto first = line.find_first_not_of(" \t\r");
        auto separator = line.find_first_of("=:");
        if (first != std::string_view::npos && line[first] != '#' && separator != std::string_view::npos)
            return line[separator] == '=';
    }
    return false;
}

std::string join(const std::vector<KeyPair>& pairs) {
    std::string text;
    for (const auto& pair : pairs)
        text += (text.empty() ? "" : ", ") + pair.username;
    return text;
}

std::string complaint_about(std::string_view value) {
    if (value.starts_with("${") && value.ends_with("}"))
        return "is a placeholder that its applications resolve, and Rekey does not";
    if (value.starts_with("ENC(") && value.ends_with(")"))
        return "is encrypted by its applications' own library, which Rekey cannot decrypt";
    return {};
}

Endpoint endpoint_of(const KeyedValues& values, const config::EndpointFields& fields) {
    auto text = [&](const std::string& key) {
        const auto* value = values.find(key);
        return value == nullptr ? std::string_view() : value->reveal();
    };
    return read_endpoint({text(fields.host), text(fields.port), text(fields.database), text(fields.url)});
}

FetchResult take(const KeyPair& pair, const KeyedValues& values, const config::EndpointFields& endpoint) {
    Fetched credential;
    for (const auto* key : {&pair.username, &pair.password}) {
        const auto* value = values.find(*key);
        if (value == nullptr || value->empty())
            return failed_fetch("\"" + *key + "\" is missing or empty");
        if (auto complaint = complaint_about(value->reveal()); !complaint.empty())
            return failed_fetch("\"" + *key + "\" " + complaint);
    }
    credential.username = values.find(pair.username)->reveal();
    credential.password = values.find(pair.password)->clone();
    credential.endpoint = endpoint_of(values, endpoint);
    FetchResult result;
    result.error = reason_against(credential);
    if (result.error.empty())
        result.credential = std::move(credential);
    return result;
}

std::string read(std::string_view text, DocumentFormat format, KeyedValues& values, const std::string& number) {
    if (format == DocumentFormat::properties)
        return read_java_properties(text, values);
    bool yaml = format == DocumentFormat::yaml && !is_object(text); // JSON is YAML, too
    return yaml ? read_nested_yaml(text, values) : read_keyed_json(text, values, number);
}

// The longest names first: an object may hold "a.b" beside "a".
const json::value* find(const json::value* value, std::string_view key) {
    if (auto* member = json_member(value, key))
        return member;
    for (auto dot = key.rfind('.'); dot != std::string_view::npos && dot != 0; dot = key.rfind('.', dot - 1)) {
        auto* inner = json_member(value, key.substr(0, dot));
        if (auto* found = inner == nullptr ? nullptr : find(inner, key.substr(dot + 1)))
            return found;
    }
    return nullptr;
}

} // namespace

const std::vector<KeyPair>& usual_keys() {
    static const std::vector<KeyPair> keys{{"spring.datasource.username", "spring.datasource.password"},
                                           {"spring.datasource.druid.username", "spring.datasource.druid.password"},
                                           {"druid.username", "druid.password"},
                                           {"username", "password"}};
    return keys;
}

bool KeyedValues::set(const std::string& key, std::string& value) {
    auto& slot = values_.at(key);
    bool first = !std::exchange(slot.there, true);
    slot.text = protocol::Secret::take(value);
    return first;
}

const protocol::Secret* KeyedValues::find(const std::string& key) const {
    auto found = values_.find(key);
    return found == values_.end() || !found->second.there ? nullptr : &found->second.text;
}

std::vector<std::string> KeyedValues::wanted() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : values_)
        keys.push_back(key);
    return keys;
}

std::string read_keyed_json(std::string_view text, KeyedValues& values, const std::string& number) {
    CleansingMemory memory;
    auto root = parse_secret_json(text, memory);
    if (!root || !root->is_object())
        return "it is no JSON object";
    for (const auto& key : values.wanted()) {
        auto* value = find(&*root, key);
        if (value == nullptr || value->is_null())
            continue;
        auto copy = key == number ? json_number_or_text(value) : std::string(json_text(value));
        if (copy.empty() && !value->is_string())
            return "\"" + key + "\" is not a text";
        values.set(key, copy);
    }
    return {};
}

FetchResult parse_keyed_document(std::string_view text, DocumentFormat format, const std::vector<KeyPair>& pairs,
                                 const config::EndpointFields& endpoint) {
    KeyedValues values;
    for (const auto* key : {&endpoint.host, &endpoint.port, &endpoint.database, &endpoint.url})
        if (!key->empty())
            values.want(*key);
    for (const auto& pair : pairs) {
        values.want(pair.username);
        values.want(pair.password);
    }
    if (auto error = read(without_byte_order_mark(text), format, values, endpoint.port); !error.empty())
        return failed_fetch(std::move(error));
    for (const auto& pair : pairs)
        if (values.find(pair.username) != nullptr || values.find(pair.password) != nullptr)
            return take(pair, values, endpoint);
    return failed_fetch("it names no user: there is no " + join(pairs) +
                        " in it; `fields` tells what it calls its parts");
}

DocumentFormat format_of(std::string_view name, std::string_view type, std::string_view text) {
    auto dot = name.rfind('.');
    for (auto word : {dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1), type}) {
        if (word == "properties")
            return DocumentFormat::properties;
        if (word == "yaml" || word == "yml")
            return DocumentFormat::yaml;
        if (word == "json")
            return DocumentFormat::json;
    }
    text = without_byte_order_mark(text);
    if (is_object(text))
        return DocumentFormat::json;
    return looks_like_properties(text) ? DocumentFormat::properties : DocumentFormat::yaml;
}

} // namespace rekey::rotation
