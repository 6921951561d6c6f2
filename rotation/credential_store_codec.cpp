#include "rotation/credential_store_codec.hpp"

#include "config/scalars.hpp"
#include "rotation/secret_json.hpp"

namespace rekey::rotation {

namespace json = boost::json;

namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::uint64_t format = 1;
constexpr JournalStep steps[] = {JournalStep::none,   JournalStep::staged,   JournalStep::altered,
                                 JournalStep::tested, JournalStep::promoted, JournalStep::replaced,
                                 JournalStep::proven};

// Nanoseconds, so that what is read equals what was written.
json::value encode_time(const std::optional<Time>& time) {
    if (!time)
        return nullptr;
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time->time_since_epoch()).count();
}

json::value encode_endpoint(const Endpoint& endpoint) {
    json::array hosts;
    for (const auto& host : endpoint.hosts)
        hosts.emplace_back(host.text());
    return json::object{{"hosts", std::move(hosts)}, {"database", endpoint.database}};
}

json::value encode_credential(const std::optional<StoredCredential>& credential, const json::storage_ptr& storage) {
    if (!credential)
        return nullptr;
    json::object object(storage);
    object["username"] = credential->username;
    object["password"] = std::string_view(credential->password.reveal());
    object["version"] = credential->version;
    object["not_after"] = encode_time(credential->not_after);
    if (credential->endpoint)
        object["endpoint"] = encode_endpoint(credential->endpoint);
    return json::value(std::move(object), storage);
}

// Reads the members of one object, each once. A parser may read on after a failure and ask done() at the end.
class Members {
  public:
    explicit Members(const json::value& value) : object_(value.if_object()) {}

    std::uint64_t number(std::string_view key) {
        auto* member = take(key);
        auto* as_signed = member == nullptr ? nullptr : member->if_int64();
        auto* as_unsigned = member == nullptr ? nullptr : member->if_uint64();
        if (as_signed != nullptr && *as_signed >= 0)
            return static_cast<std::uint64_t>(*as_signed);
        failed_ |= as_unsigned == nullptr;
        return as_unsigned == nullptr ? 0 : *as_unsigned;
    }

    std::string_view text(std::string_view key) {
        auto* member = take(key);
        auto* string = member == nullptr ? nullptr : member->if_string();
        failed_ |= string == nullptr;
        return string == nullptr ? std::string_view() : std::string_view(string->data(), string->size());
    }

    bool boolean(std::string_view key) {
        auto* member = take(key);
        auto* value = member == nullptr ? nullptr : member->if_bool();
        failed_ |= value == nullptr;
        return value != nullptr && *value;
    }

    std::optional<Time> time(std::string_view key) {
        auto* member = take(key);
        if (member != nullptr && member->is_null())
            return std::nullopt;
        auto* count = member == nullptr ? nullptr : member->if_int64();
        failed_ |= count == nullptr;
        if (count == nullptr)
            return std::nullopt;
        return Time(std::chrono::duration_cast<Time::duration>(std::chrono::nanoseconds(*count)));
    }

    std::optional<StoredCredential> credential(std::string_view key) {
        auto* member = take(key);
        if (member == nullptr || member->is_null())
            return std::nullopt;
        Members members(*member);
        StoredCredential credential;
        credential.username = members.text("username");
        credential.password = protocol::Secret(members.text("password"));
        credential.version = members.text("version");
        credential.not_after = members.time("not_after");
        if (members.object_ != nullptr && members.object_->contains("endpoint"))
            credential.endpoint = members.endpoint("endpoint");
        failed_ |= !members.done();
        return credential;
    }

    Endpoint endpoint(std::string_view key) {
        Endpoint endpoint;
        auto* member = take(key);
        if (member == nullptr)
            return endpoint;
        Members members(*member);
        auto* hosts = members.take("hosts");
        failed_ |= hosts == nullptr || !hosts->is_array();
        for (const auto& host : hosts != nullptr && hosts->is_array() ? hosts->get_array() : json::array()) {
            auto address = config::parse_address(json_text(&host));
            failed_ |= !address;
            endpoint.hosts.push_back(address.value_or(config::Address{}));
        }
        endpoint.database = members.text("database");
        failed_ |= !members.done();
        return endpoint;
    }

    bool done() const { return !failed_ && taken_ == object_->size(); }

  private:
    const json::value* take(std::string_view key) {
        auto* member = object_ == nullptr ? nullptr : object_->if_contains(key);
        failed_ |= member == nullptr;
        ++taken_;
        return member;
    }

    const json::object* object_;
    std::size_t taken_ = 0;
    bool failed_ = false;
};

std::optional<JournalStep> decode_step(std::string_view text) {
    for (auto step : steps)
        if (to_string(step) == text)
            return step;
    return std::nullopt;
}

} // namespace

std::string encode_entry(const StoreEntry& entry) {
    CleansingMemory memory;
    json::storage_ptr storage(&memory);
    json::object object(storage);
    object["format"] = format;
    object["sequence"] = entry.sequence;
    object["generation"] = entry.generation;
    object["current"] = encode_credential(entry.current, storage);
    object["pending"] = encode_credential(entry.pending, storage);
    object["previous"] = encode_credential(entry.previous, storage);
    object["step"] = to_string(entry.step);
    object["rotation_id"] = entry.rotation_id;
    object["next_rotation"] = encode_time(entry.next_rotation);
    object["current_since"] = encode_time(entry.current_since);
    object["retire_previous"] = entry.retire_previous;
    return serialize_secret_json(json::value(std::move(object), storage));
}

std::optional<StoreEntry> decode_entry(std::string_view text) {
    CleansingMemory memory;
    auto value = parse_secret_json(text, memory);
    if (!value)
        return std::nullopt;
    Members members(*value);
    StoreEntry entry;
    auto read_format = members.number("format");
    entry.sequence = members.number("sequence");
    entry.generation = members.number("generation");
    entry.current = members.credential("current");
    entry.pending = members.credential("pending");
    entry.previous = members.credential("previous");
    auto step = decode_step(members.text("step"));
    entry.rotation_id = members.text("rotation_id");
    entry.next_rotation = members.time("next_rotation");
    entry.current_since = members.time("current_since");
    entry.retire_previous = members.boolean("retire_previous");
    if (!members.done() || read_format != format || !step)
        return std::nullopt;
    entry.step = *step;
    return entry;
}

} // namespace rekey::rotation
