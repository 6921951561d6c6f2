#include "proxy/command_line_status.hpp"

#include "proxy/admin/text_table.hpp"
#include "proxy/admin/time_text.hpp"

#include <boost/json.hpp>

namespace rekey::proxy {
namespace {

namespace json = boost::json;

// A missing field reads as nothing: the process may be older or newer than the command.
const json::value& field(const json::value& value, std::string_view key) {
    static const json::value nothing;
    auto* object = value.if_object();
    auto* found = object == nullptr ? nullptr : object->if_contains(key);
    return found == nullptr ? nothing : *found;
}

std::string text(const json::value& value) {
    if (value.is_string())
        return std::string(value.as_string());
    if (value.is_bool())
        return value.as_bool() ? "yes" : "no";
    if (value.is_null())
        return "-";
    return value.is_double() ? admin::age_text(value.as_double()) : json::serialize(value);
}

const json::array& list(const json::value& value) {
    static const json::array none;
    return value.is_array() ? value.as_array() : none;
}

std::string or_dash(std::string value) {
    return value.empty() ? "-" : value;
}

std::string joined(const json::value& values) {
    std::string out;
    for (auto& value : list(values))
        out += (out.empty() ? "" : ",") + text(value);
    return or_dash(out);
}

std::string credentials(const json::value& status) {
    admin::TextTable table(
        {"CREDENTIAL", "STATE", "GENERATION", "USER", "SINCE", "NEXT", "OLD LEFT", "ROTATIONS", "UPSTREAMS", "REASON"});
    for (auto& row : list(field(status, "credentials"))) {
        auto& rotations = field(row, "rotations");
        table.add({text(field(row, "name")), text(field(row, "state")), text(field(row, "generation")),
                   or_dash(text(field(row, "username"))), text(field(row, "since")), text(field(row, "next_rotation")),
                   text(field(field(row, "progress"), "old_left")), text(field(rotations, "done")),
                   joined(field(row, "upstreams")), or_dash(text(field(row, "reason")))});
    }
    return table.text();
}

std::string pools(const json::value& status) {
    admin::TextTable table(
        {"POOL", "MODE", "SIZE", "BACKENDS", "IDLE", "ACTIVE", "CONNECTING", "CLIENTS", "WAITING", "LAST ERROR"});
    for (auto& row : list(field(status, "pools"))) {
        table.add({text(field(row, "upstream")) + "/" + text(field(row, "pool")), text(field(row, "mode")),
                   text(field(row, "size")), text(field(row, "backends")), text(field(row, "idle")),
                   text(field(row, "active")), text(field(row, "connecting")), text(field(row, "clients_active")),
                   text(field(row, "clients_waiting")), or_dash(text(field(row, "last_error")))});
    }
    return table.text();
}

std::string pinned(const json::value& status) {
    admin::TextTable table({"CLIENT", "USER", "UPSTREAM", "PINNED BECAUSE", "BY", "FOR", "FREED BY"});
    auto& rows = list(field(status, "pinned_sessions"));
    for (auto& row : rows) {
        table.add({text(field(row, "client")), text(field(row, "user")), text(field(row, "upstream")),
                   text(field(row, "reason")), text(field(row, "by")), text(field(row, "seconds")),
                   text(field(row, "freed_by"))});
    }
    return rows.empty() ? "" : "\n" + table.text();
}

} // namespace

std::string status_text(const std::string& body) {
    boost::system::error_code error;
    auto status = json::parse(body, error);
    if (error)
        return body;
    std::string out = "rekey " + text(field(status, "version")) + ", up " + text(field(status, "uptime_seconds")) +
                      ", " + (text(field(status, "ready")) == "yes" ? "ready" : "not ready") + ", clients " +
                      text(field(status, "client_connections")) + "\n";
    for (auto& sentence : list(field(status, "not_ready")))
        out += "  " + text(sentence) + "\n";
    for (auto& sentence : list(field(status, "warnings")))
        out += "  warning: " + text(sentence) + "\n";
    return out + "\n" + credentials(status) + "\n" + pools(status) + pinned(status);
}

} // namespace rekey::proxy
