#include "rotation/sources/document.hpp"

#include "rotation/rfc3339.hpp"
#include "rotation/secret_json.hpp"
#include "rotation/sources/flat_lines.hpp"

namespace rekey::rotation {

namespace json = boost::json;

namespace {

FetchResult checked(Fetched credential) {
    FetchResult result;
    result.error = reason_against(credential);
    if (result.error.empty())
        result.credential = std::move(credential);
    return result;
}

// The keys under which one shape keeps a credential; null: it has no such member.
struct Shape {
    const char* username;
    const char* password;
    const char* expiration;
    const char* version;
};
constexpr Shape own_shape{"username", "password", "expiration", "version_id"};
constexpr Shape kubectl_shape{"username", "token", "expirationTimestamp", nullptr};
constexpr Shape aws_shape{"AccessKeyId", "SecretAccessKey", "Expiration", nullptr};

// Reads text members; the first that is missing or of another type is named in error().
class Texts {
  public:
    explicit Texts(const json::object& object) : object_(object) {}

    std::string_view required(const char* key) {
        auto text = optional(key);
        if (text.empty() && error_.empty())
            error_ = std::string("\"") + key + "\" is missing or empty";
        return text;
    }
    std::string_view optional(const char* key) {
        auto* member = key == nullptr ? nullptr : object_.if_contains(key);
        if (member == nullptr || member->is_null())
            return {};
        if (auto* text = member->if_string())
            return {text->data(), text->size()};
        if (error_.empty())
            error_ = std::string("\"") + key + "\" is not a text";
        return {};
    }
    const std::string& error() const { return error_; }

  private:
    const json::object& object_;
    std::string error_;
};

FetchResult read_shape(const json::object& object, const Shape& shape, const std::string& user) {
    Texts texts(object);
    Fetched credential;
    credential.username = user.empty() ? texts.required(shape.username) : texts.optional(shape.username);
    if (credential.username.empty())
        credential.username = user;
    credential.password = protocol::Secret(texts.required(shape.password));
    credential.version = texts.optional(shape.version);
    if (&shape == &own_shape)
        credential.endpoint = read_endpoint({json_text(object.if_contains("host")),
                                             json_number_or_text(object.if_contains("port")),
                                             json_text(object.if_contains("dbname")),
                                             {}});
    auto expiration = texts.optional(shape.expiration);
    if (!texts.error().empty())
        return failed_fetch(texts.error());
    if (!expiration.empty())
        credential.not_after = parse_rfc3339(expiration);
    if (!expiration.empty() && !credential.not_after)
        return failed_fetch(std::string("\"") + shape.expiration + "\" is not a time as RFC 3339 writes it");
    return checked(std::move(credential));
}

bool is_one(const json::value* version) {
    return version == nullptr || (version->is_int64() && version->get_int64() == 1);
}

FetchResult read_program_object(const json::object& object, const std::string& user) {
    if (object.contains("AccessKeyId")) {
        if (!is_one(object.if_contains("Version")))
            return failed_fetch("\"Version\" is not 1");
        return read_shape(object, aws_shape, user);
    }
    auto* kind = object.if_contains("kind");
    if (kind != nullptr && kind->is_string() && kind->get_string() == "ExecCredential") {
        auto* member = object.if_contains("status");
        auto* status = member == nullptr ? nullptr : member->if_object();
        if (status == nullptr)
            return failed_fetch("an ExecCredential without \"status\"");
        if (user.empty() && !status->contains("username"))
            return failed_fetch("kubectl's ExecCredential names no user: configure `user`, or add \"username\" to its "
                                "\"status\"");
        return read_shape(*status, kubectl_shape, user);
    }
    if (!is_one(object.if_contains("version")))
        return failed_fetch("\"version\" is not 1");
    return read_shape(object, own_shape, user);
}

std::string_view without_byte_order_mark(std::string_view text) {
    return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

bool looks_like_json(std::string_view text) {
    auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

FetchResult read_flat_lines(std::string_view text, const std::string& user) {
    FlatLines lines = parse_flat_lines(text, !user.empty());
    if (!lines.error.empty())
        return failed_fetch(lines.error);
    Fetched credential;
    credential.username = lines.username.empty() ? user : std::move(lines.username);
    credential.password = std::move(lines.password);
    credential.version = std::move(lines.version);
    credential.endpoint = read_endpoint({lines.host, lines.port, lines.database, {}});
    if (!lines.expiration.empty())
        credential.not_after = parse_rfc3339(lines.expiration);
    if (!lines.expiration.empty() && !credential.not_after)
        return failed_fetch("\"expiration\" is not a time as RFC 3339 writes it");
    return checked(std::move(credential));
}

} // namespace

FetchResult parse_file_document(std::string_view text, const std::string& user) {
    text = without_byte_order_mark(text);
    if (!looks_like_json(text))
        return read_flat_lines(text, user);
    CleansingMemory memory;
    auto value = parse_secret_json(text, memory);
    if (!value || !value->is_object())
        return failed_fetch("not valid JSON");
    return read_shape(value->get_object(), own_shape, user);
}

FetchResult parse_program_output(std::string_view text, const std::string& user) {
    CleansingMemory memory;
    auto value = parse_secret_json(without_byte_order_mark(text), memory);
    if (!value || !value->is_object())
        return failed_fetch("its output is not one JSON object");
    return read_program_object(value->get_object(), user);
}

std::string reason_against(const Fetched& credential) {
    if (credential.username.empty())
        return "the user name is empty";
    if (credential.password.empty())
        return "the password is empty";
    if (credential.username.find('\0') != std::string::npos)
        return "the user name holds a NUL byte";
    if (credential.password.reveal().find('\0') != std::string_view::npos)
        return "the password holds a NUL byte";
    return {};
}

} // namespace rekey::rotation
