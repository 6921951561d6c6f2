// The readers of single messages: any body, whole or cut.
#include "protocol/common/assert.hpp"
#include "protocol/postgres/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace rekey::protocol::postgres;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view body(reinterpret_cast<const char*>(data), size);
    auto fields = read_error_fields(body);
    for (auto field : {fields.severity, fields.sqlstate, fields.message, fields.detail, fields.hint, fields.routine})
        REKEY_ASSERT(field.size() < size || size == 0);
    std::vector<std::optional<std::string_view>> columns;
    if (read_data_row(body, columns)) {
        std::string again;
        data_row(again, columns);
        REKEY_ASSERT(std::string_view(again).substr(5) == body);
    }
    if (auto status = read_parameter_status(body)) {
        std::string again;
        parameter_status(again, status->name, status->value);
        REKEY_ASSERT(std::string_view(again).substr(5) == body);
    }
    if (auto key = read_backend_key_data(body)) {
        std::string again;
        backend_key_data(again, key->pid, key->key);
        REKEY_ASSERT(std::string_view(again).substr(5) == body);
    }
    if (auto tag = read_command_complete(body))
        REKEY_ASSERT(tag->size() + 1 == size);
    return 0;
}
