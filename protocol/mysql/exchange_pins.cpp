#include "protocol/mysql/exchange_pins.hpp"

namespace rekey::protocol::mysql {

namespace {

constexpr struct {
    std::uint32_t bit;
    Pin pin;
} pins[] = {
    {pin_user_variable, {"user_variable", "COM_RESET_CONNECTION"}},
    {pin_temp_table, {"temp_table", "DROP TEMPORARY TABLE"}},
    {pin_named_lock, {"named_lock", "RELEASE_LOCK or RELEASE_ALL_LOCKS"}},
    {pin_table_lock, {"table_lock", "UNLOCK TABLES"}},
    {pin_global_lock, {"global_read_lock", "UNLOCK TABLES"}},
    {pin_instance_lock, {"instance_lock", "UNLOCK INSTANCE or BACKUP STAGE END"}},
    {pin_handler, {"handler", "HANDLER ... CLOSE"}},
    {pin_sql_prepare, {"sql_prepare", "DEALLOCATE PREPARE"}},
    {pin_routine, {"routine", "COM_RESET_CONNECTION"}},
    {pin_role, {"role", "COM_RESET_CONNECTION"}},
    {pin_sequence_value, {"sequence_value", "COM_RESET_CONNECTION"}},
    {pin_volatile_variable, {"volatile_variable", "COM_RESET_CONNECTION"}},
    {pin_cursor, {"cursor", "fetching the last row or COM_STMT_RESET"}},
    {pin_long_data, {"long_data", "COM_STMT_EXECUTE or COM_STMT_RESET"}},
    {pin_unclear_text, {"unclear_text", "COM_RESET_CONNECTION"}},
    {pin_next_transaction, {"next_transaction", "the end of the next transaction"}},
    {pin_diagnostics, {"diagnostics", "COM_RESET_CONNECTION"}},
    {pin_unkept_statement, {"unkept_statement", "COM_RESET_CONNECTION"}},
    {pin_state, {"session_state", "COM_RESET_CONNECTION"}},
    {pin_last_statement, {"last_statement", "the next statement"}},
    {pin_sent_ahead, {"sent_ahead", "the rest of the next command"}},
    {pin_session_mode, {"session_mode", "disconnecting"}},
};

} // namespace

Pin pin_of(std::uint32_t bits) {
    for (const auto& entry : pins) {
        if ((bits & entry.bit) != 0)
            return entry.pin;
    }
    return {};
}

} // namespace rekey::protocol::mysql
