// What applications are configured by, read for one credential: the values of two keys among many. Pure; the texts hold
// secrets, the errors never do.
#pragma once

#include "config/config.hpp"
#include "rotation/source.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation {

// Dotted, as Spring writes them.
struct KeyPair {
    std::string username, password;
};

inline const config::EndpointFields no_endpoint{{}, {}, {}, {}};

// What Spring Boot and Druid call user name and password, and the bare words.
const std::vector<KeyPair>& usual_keys();

// Of `pairs` the first counts of which the text has either key; it must have both then, and once only. `format` is not
// automatic. A value that somebody else would have to complete or to decrypt, ${…} or ENC(…), is refused. `endpoint`
// names the keys of where the database is; empty: it is not asked for.
FetchResult parse_keyed_document(std::string_view text, config::DocumentFormat format,
                                 const std::vector<KeyPair>& pairs,
                                 const config::EndpointFields& endpoint = no_endpoint);

// Tells by the end of the name, by the type that a store notes, by the look; the first that says something. Never
// automatic.
config::DocumentFormat format_of(std::string_view name, std::string_view type, std::string_view text);

// The values of the keys in it, filled by the readers below, which return what is wrong or nothing.
class KeyedValues {
  public:
    void want(const std::string& key) { values_[key]; }
    bool wants(const std::string& key) const { return values_.contains(key); }
    // False: there is one already. Cleanses `value`.
    bool set(const std::string& key, std::string& value);
    // Null: it was not there.
    const protocol::Secret* find(const std::string& key) const;
    std::vector<std::string> wanted() const;

  private:
    struct Value {
        bool there = false;
        protocol::Secret text;
    };
    std::map<std::string, Value> values_;
};

// As java.util.Properties reads them: comments of # and !, lines continued by a backslash, escapes.
std::string read_java_properties(std::string_view text, KeyedValues& values);
// YAML's block mappings, one within another, and plain or quoted texts on one line; the rest of YAML is passed over
// where it concerns other keys, and refused where it would concern one that is wanted.
std::string read_nested_yaml(std::string_view text, KeyedValues& values);
// An object; a key's dots are parts of members' names or lead from one object into another. `number` is the key that
// may have one for a value.
std::string read_keyed_json(std::string_view text, KeyedValues& values, const std::string& number = {});

} // namespace rekey::rotation
