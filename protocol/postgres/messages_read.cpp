#include "protocol/common/bytes.hpp"
#include "protocol/postgres/messages.hpp"

namespace rekey::protocol::postgres {

ErrorFields read_error_fields(std::string_view body) {
    ErrorFields fields;
    std::string_view localised_severity;
    Reader reader(body);
    while (auto code = reader.u8()) {
        auto value = reader.text();
        if (reader.failed())
            break;
        switch (static_cast<char>(code)) {
        case 'S':
            localised_severity = value;
            break;
        case 'V':
            fields.severity = value;
            break;
        case 'C':
            fields.sqlstate = value;
            break;
        case 'M':
            fields.message = value;
            break;
        case 'D':
            fields.detail = value;
            break;
        case 'H':
            fields.hint = value;
            break;
        case 'R':
            fields.routine = value;
            break;
        default:
            break; // the protocol asks to ignore codes that are not known
        }
    }
    if (fields.severity.empty())
        fields.severity = localised_severity;
    return fields;
}

std::optional<ParameterStatus> read_parameter_status(std::string_view body) {
    Reader reader(body);
    ParameterStatus status;
    status.name = reader.text();
    status.value = reader.text();
    if (!reader.done() || status.name.empty())
        return std::nullopt;
    return status;
}

std::optional<BackendKeyData> read_backend_key_data(std::string_view body) {
    Reader reader(body);
    BackendKeyData data;
    data.pid = reader.u32();
    data.key = reader.rest();
    if (reader.failed() || data.key.size() < 4 || data.key.size() > 256)
        return std::nullopt;
    return data;
}

bool read_data_row(std::string_view body, std::vector<std::optional<std::string_view>>& columns) {
    columns.clear();
    Reader reader(body);
    auto count = reader.u16();
    // Each column takes at least the four bytes of its length: no memory for columns that cannot be there.
    if (reader.failed() || reader.left() / 4 < count)
        return false;
    for (unsigned i = 0; i < count; ++i) {
        auto length = reader.i32();
        if (length < -1)
            return false;
        if (length == -1)
            columns.push_back(std::nullopt);
        else
            columns.push_back(reader.bytes(static_cast<std::size_t>(length)));
        if (reader.failed())
            return false;
    }
    return reader.done();
}

std::optional<std::string_view> read_command_complete(std::string_view body) {
    Reader reader(body);
    auto tag = reader.text();
    if (!reader.done())
        return std::nullopt;
    return tag;
}

} // namespace rekey::protocol::postgres
