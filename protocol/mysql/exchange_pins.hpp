// Why a session keeps its backend, as bits; and what of it has a name.
#pragma once

#include "protocol/common/exchange.hpp"

#include <cstdint>

namespace rekey::protocol::mysql {

enum PinBit : std::uint32_t {
    pin_session_mode = 1 << 0,
    pin_user_variable = 1 << 1,
    pin_temp_table = 1 << 2,
    pin_named_lock = 1 << 3,
    pin_table_lock = 1 << 4,
    pin_global_lock = 1 << 5,
    pin_instance_lock = 1 << 6,
    pin_handler = 1 << 7,
    pin_sql_prepare = 1 << 8,
    pin_routine = 1 << 9,
    pin_role = 1 << 10,
    pin_sequence_value = 1 << 11,
    pin_volatile_variable = 1 << 12,
    pin_cursor = 1 << 13,
    pin_long_data = 1 << 14,
    pin_unclear_text = 1 << 15,
    pin_next_transaction = 1 << 16,
    pin_diagnostics = 1 << 17,
    pin_unkept_statement = 1 << 18,
    pin_last_statement = 1 << 19,
    pin_state = 1 << 20,
    pin_sent_ahead = 1 << 21,
};

// Held by name, so that it is known when the last one is gone.
enum class HeldKind : std::uint8_t { lock, temp_table, prepared, handler };

// Of the first bit that is set.
Pin pin_of(std::uint32_t pins);

} // namespace rekey::protocol::mysql
