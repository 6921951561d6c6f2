// Capability flags, status flags and command codes. MySQL manual, "Capabilities Flags", "SERVER_STATUS_flags_enum",
// "Command Phase"; MariaDB, "Connecting: capabilities". The upper 32 bits of the capabilities are MariaDB's.
#pragma once

#include <cstdint>

namespace rekey::protocol::mysql {

using Capabilities = std::uint64_t;

namespace capability {
inline constexpr Capabilities long_password = 1u << 0; // MariaDB calls it CLIENT_MYSQL and leaves it out itself
inline constexpr Capabilities found_rows = 1u << 1;
inline constexpr Capabilities long_flag = 1u << 2;
inline constexpr Capabilities connect_with_db = 1u << 3;
inline constexpr Capabilities no_schema = 1u << 4;
inline constexpr Capabilities compress = 1u << 5;
inline constexpr Capabilities odbc = 1u << 6;
inline constexpr Capabilities local_files = 1u << 7;
inline constexpr Capabilities ignore_space = 1u << 8;
inline constexpr Capabilities protocol_41 = 1u << 9;
inline constexpr Capabilities interactive = 1u << 10;
inline constexpr Capabilities ssl = 1u << 11;
inline constexpr Capabilities ignore_sigpipe = 1u << 12;
inline constexpr Capabilities transactions = 1u << 13;
inline constexpr Capabilities reserved = 1u << 14;
inline constexpr Capabilities secure_connection = 1u << 15;
inline constexpr Capabilities multi_statements = 1u << 16;
inline constexpr Capabilities multi_results = 1u << 17;
inline constexpr Capabilities ps_multi_results = 1u << 18;
inline constexpr Capabilities plugin_auth = 1u << 19;
inline constexpr Capabilities connect_attrs = 1u << 20;
inline constexpr Capabilities plugin_auth_lenenc = 1u << 21;
inline constexpr Capabilities can_handle_expired_passwords = 1u << 22;
inline constexpr Capabilities session_track = 1u << 23;
inline constexpr Capabilities deprecate_eof = 1u << 24;
inline constexpr Capabilities optional_resultset_metadata = 1u << 25;
inline constexpr Capabilities zstd = 1u << 26;
inline constexpr Capabilities query_attributes = 1u << 27;
inline constexpr Capabilities multi_factor = 1u << 28;
inline constexpr Capabilities capability_extension = 1u << 29;
inline constexpr Capabilities ssl_verify_server_cert = 1u << 30;
inline constexpr Capabilities remember_options = 1u << 31;
inline constexpr Capabilities mariadb_progress = Capabilities{1} << 32;
inline constexpr Capabilities mariadb_com_multi = Capabilities{1} << 33;
inline constexpr Capabilities mariadb_stmt_bulk = Capabilities{1} << 34;
inline constexpr Capabilities mariadb_extended_metadata = Capabilities{1} << 35;
inline constexpr Capabilities mariadb_cache_metadata = Capabilities{1} << 36;
inline constexpr Capabilities mariadb_bulk_unit_results = Capabilities{1} << 37;
} // namespace capability

using Status = std::uint16_t;

namespace status {
inline constexpr Status in_transaction = 1;
inline constexpr Status autocommit = 2;
inline constexpr Status more_results = 8;
inline constexpr Status no_good_index_used = 16;
inline constexpr Status no_index_used = 32;
inline constexpr Status cursor_exists = 64;
inline constexpr Status last_row_sent = 128;
inline constexpr Status db_dropped = 256;
inline constexpr Status no_backslash_escapes = 512;
inline constexpr Status metadata_changed = 1024;
inline constexpr Status query_was_slow = 2048;
inline constexpr Status ps_out_params = 4096;
inline constexpr Status in_read_only_transaction = 8192;
inline constexpr Status session_state_changed = 16384; // MariaDB: the same bit
inline constexpr Status ansi_quotes = 32768;           // MariaDB
} // namespace status

enum class Command : std::uint8_t {
    sleep = 0x00,
    quit = 0x01,
    init_db = 0x02,
    query = 0x03,
    field_list = 0x04,
    create_db = 0x05,
    drop_db = 0x06,
    refresh = 0x07,
    shutdown = 0x08,
    statistics = 0x09,
    process_info = 0x0a,
    connect = 0x0b,
    process_kill = 0x0c,
    debug = 0x0d,
    ping = 0x0e,
    time = 0x0f,
    delayed_insert = 0x10,
    change_user = 0x11,
    binlog_dump = 0x12,
    table_dump = 0x13,
    connect_out = 0x14,
    register_slave = 0x15,
    stmt_prepare = 0x16,
    stmt_execute = 0x17,
    stmt_send_long_data = 0x18,
    stmt_close = 0x19,
    stmt_reset = 0x1a,
    set_option = 0x1b,
    stmt_fetch = 0x1c,
    daemon = 0x1d,
    binlog_dump_gtid = 0x1e,
    reset_connection = 0x1f,
    clone = 0x20,
    subscribe_group_replication_stream = 0x21,
    mariadb_stmt_bulk_execute = 0xfa,
};

} // namespace rekey::protocol::mysql
