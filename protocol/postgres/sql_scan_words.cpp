#include "protocol/postgres/sql_scan_words.hpp"

#include "protocol/postgres/sql_scan_functions.hpp"
#include "protocol/postgres/sql_scan_text.hpp"

#include <algorithm>
#include <array>

namespace rekey::protocol::postgres {
namespace {

struct Entry {
    std::string_view text;
    WordInfo info;
};

// Keywords that cannot name a function: reserved ones and those the grammar calls col_name_keyword.
constexpr std::string_view plain_keywords =
    "and any array asc asymmetric between bigint boolean both cast check coalesce collate column constraint "
    "current_catalog current_date current_role current_time current_timestamp current_user dec decimal deferrable desc "
    "do else except exists extract false float foreign grant greatest grouping having initially inout int integer "
    "intersect interval lateral leading least limit localtime localtimestamp national not none null nullif numeric "
    "offset only out placing precision primary real references returning row session_user setof smallint some "
    "symmetric "
    "then timestamp trailing treat trim union unique user using variadic varchar when where window xmlattributes "
    "xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";

constexpr Entry particular[] = {
    {"abort", {Word::abort, Callable::unknown}},
    {"alter", {Word::alter, Callable::unknown}},
    {"analyze", {Word::analyze, Callable::never}},
    {"analyse", {Word::analyze, Callable::never}},
    {"begin", {Word::begin, Callable::unknown}},
    {"call", {Word::call, Callable::unknown}},
    {"checkpoint", {Word::checkpoint, Callable::unknown}},
    {"close", {Word::close, Callable::unknown}},
    {"commit", {Word::commit, Callable::unknown}},
    {"copy", {Word::copy, Callable::unknown}},
    {"create", {Word::create, Callable::never}},
    {"deallocate", {Word::deallocate, Callable::unknown}},
    {"declare", {Word::declare, Callable::unknown}},
    {"delete", {Word::delete_, Callable::unknown}},
    {"discard", {Word::discard, Callable::unknown}},
    {"do", {Word::do_, Callable::never}},
    {"drop", {Word::drop, Callable::unknown}},
    {"end", {Word::end, Callable::never}},
    {"execute", {Word::execute, Callable::unknown}},
    {"explain", {Word::explain, Callable::unknown}},
    {"fetch", {Word::fetch, Callable::never}},
    {"insert", {Word::insert, Callable::unknown}},
    {"listen", {Word::listen, Callable::unknown}},
    {"load", {Word::load, Callable::unknown}},
    {"lock", {Word::lock, Callable::unknown}},
    {"merge", {Word::merge, Callable::unknown}},
    {"move", {Word::move, Callable::unknown}},
    {"notify", {Word::notify, Callable::unknown}},
    {"prepare", {Word::prepare, Callable::unknown}},
    {"release", {Word::release, Callable::unknown}},
    {"reset", {Word::reset, Callable::unknown}},
    {"rollback", {Word::rollback, Callable::unknown}},
    {"savepoint", {Word::savepoint, Callable::unknown}},
    {"select", {Word::select, Callable::never}},
    {"set", {Word::set, Callable::unknown}},
    {"show", {Word::show, Callable::unknown}},
    {"start", {Word::start, Callable::unknown}},
    {"table", {Word::table, Callable::never}},
    {"unlisten", {Word::unlisten, Callable::unknown}},
    {"update", {Word::update, Callable::unknown}},
    {"vacuum", {Word::vacuum, Callable::unknown}},
    {"values", {Word::values, Callable::never}},
    {"with", {Word::with, Callable::never}},
    {"all", {Word::all, Callable::never}},
    {"as", {Word::as, Callable::never}},
    {"atomic", {Word::atomic, Callable::unknown}},
    {"authorization", {Word::authorization, Callable::unknown}},
    {"by", {Word::by, Callable::unknown}},
    {"case", {Word::case_, Callable::never}},
    {"bit", {Word::character, Callable::never}},
    {"char", {Word::character, Callable::never}},
    {"character", {Word::character, Callable::never}},
    {"nchar", {Word::character, Callable::never}},
    {"characteristics", {Word::characteristics, Callable::unknown}},
    {"constraints", {Word::constraints, Callable::unknown}},
    {"default", {Word::default_, Callable::never}},
    {"distinct", {Word::distinct, Callable::never}},
    {"filter", {Word::filter, Callable::unknown}},
    {"for", {Word::for_, Callable::never}},
    {"from", {Word::from, Callable::never}},
    {"function", {Word::function, Callable::unknown}},
    {"global", {Word::global, Callable::unknown}},
    {"group", {Word::group, Callable::never}},
    {"grouping", {Word::grouping, Callable::never}},
    {"hold", {Word::hold, Callable::unknown}},
    {"in", {Word::in, Callable::never}},
    {"index", {Word::index, Callable::unknown}},
    {"into", {Word::into, Callable::never}},
    {"join", {Word::join, Callable::unknown}},
    {"cross", {Word::join_type, Callable::unknown}},
    {"full", {Word::join_type, Callable::unknown}},
    {"inner", {Word::join_type, Callable::unknown}},
    {"left", {Word::join_type, Callable::harmless}},
    {"natural", {Word::join_type, Callable::unknown}},
    {"outer", {Word::join_type, Callable::unknown}},
    {"right", {Word::join_type, Callable::harmless}},
    {"key", {Word::key, Callable::unknown}},
    {"local", {Word::local, Callable::unknown}},
    {"materialized", {Word::materialized, Callable::unknown}},
    {"names", {Word::names, Callable::unknown}},
    {"on", {Word::on, Callable::never}},
    {"operator", {Word::operator_, Callable::unknown}},
    {"or", {Word::or_, Callable::never}},
    {"order", {Word::order, Callable::never}},
    {"ordinality", {Word::ordinality, Callable::unknown}},
    {"over", {Word::over, Callable::unknown}},
    {"owned", {Word::owned, Callable::unknown}},
    {"partition", {Word::partition, Callable::unknown}},
    {"procedure", {Word::procedure, Callable::unknown}},
    {"recursive", {Word::recursive, Callable::unknown}},
    {"replace", {Word::replace, Callable::harmless}},
    {"role", {Word::role, Callable::unknown}},
    {"schema", {Word::schema, Callable::unknown}},
    {"sequence", {Word::sequence, Callable::unknown}},
    {"session", {Word::session, Callable::unknown}},
    {"sets", {Word::sets, Callable::unknown}},
    {"temp", {Word::temporary, Callable::unknown}},
    {"temporary", {Word::temporary, Callable::unknown}},
    {"time", {Word::time, Callable::never}},
    {"to", {Word::to, Callable::never}},
    {"transaction", {Word::transaction, Callable::unknown}},
    {"true", {Word::true_, Callable::never}},
    {"unlogged", {Word::unlogged, Callable::unknown}},
    {"varying", {Word::varying, Callable::unknown}},
    {"verbose", {Word::verbose, Callable::unknown}},
    {"view", {Word::view, Callable::unknown}},
    {"zone", {Word::zone, Callable::unknown}},
    {"client_encoding", {Word::client_encoding, Callable::unknown}},
    {"information_schema", {Word::pg_catalog, Callable::unknown}}, // the server's own as well
    {"pg_catalog", {Word::pg_catalog, Callable::unknown}},
    {"pg_settings", {Word::pg_settings, Callable::unknown}},
    {"pg_temp", {Word::pg_temp, Callable::unknown}},
    {"seed", {Word::seed, Callable::unknown}},
    {"session_authorization", {Word::session_authorization, Callable::unknown}},
    {"transaction_deferrable", {Word::transaction_setting, Callable::unknown}},
    {"transaction_isolation", {Word::transaction_setting, Callable::unknown}},
    {"transaction_read_only", {Word::transaction_setting, Callable::unknown}},
    {"set_config", {Word::other, Callable::set_config}},
    {"pg_advisory_lock", {Word::other, Callable::advisory_lock}},
    {"pg_advisory_lock_shared", {Word::other, Callable::advisory_lock}},
    {"pg_try_advisory_lock", {Word::other, Callable::advisory_lock}},
    {"pg_try_advisory_lock_shared", {Word::other, Callable::advisory_lock}},
    {"pg_advisory_unlock", {Word::other, Callable::advisory_lock}},
    {"pg_advisory_unlock_shared", {Word::other, Callable::advisory_lock}},
    {"pg_advisory_unlock_all", {Word::other, Callable::advisory_lock}},
    {"currval", {Word::other, Callable::sequence_value}},
    {"lastval", {Word::other, Callable::sequence_value}},
    {"dblink_connect", {Word::other, Callable::loads}},
    {"dblink_connect_u", {Word::other, Callable::loads}},
    {"pg_backup_start", {Word::other, Callable::loads}},
    {"pg_start_backup", {Word::other, Callable::loads}},
    {"pg_copy_logical_replication_slot", {Word::other, Callable::loads}},
    {"pg_copy_physical_replication_slot", {Word::other, Callable::loads}},
    {"pg_create_logical_replication_slot", {Word::other, Callable::loads}},
    {"pg_create_physical_replication_slot", {Word::other, Callable::loads}},
    {"pg_replication_origin_session_setup", {Word::other, Callable::loads}},
    {"setseed", {Word::other, Callable::loads}},
};

constexpr std::size_t count_words(std::string_view list) {
    return static_cast<std::size_t>(std::count(list.begin(), list.end(), ' ')) + 1;
}

constexpr std::size_t entry_count =
    std::size(particular) + count_words(plain_keywords) + count_words(harmless_functions);

// What tells a word of up to 16 bytes from every other: its size, its first eight bytes and its last.
struct Key {
    std::uint64_t first = 0, last = 0;
    std::size_t size = 0;
    bool operator==(const Key&) const = default;
};

// `padded` has eight readable bytes, zero behind the text.
constexpr Key key_of(const char* padded, std::size_t size) {
    return {load_word(padded), size > 8 ? load_word(padded + size - 8) : 0, size};
}

constexpr std::uint64_t hash_of(const Key& key) {
    const std::uint64_t h = (key.first ^ key.size) * 0xE7037ED1A0B428DB + key.last * 0x8EBC6AF09C88C6E3;
    return h ^ (h >> 32);
}

// The entries by hash, open addressing; an empty slot has tag 0. The tag keeps a miss, which most names of an
// application are, from touching the entry.
struct Table {
    static constexpr std::size_t slots = 2048;
    struct Slot {
        std::uint16_t tag = 0;
        std::uint16_t index = 0;
    };
    std::array<Slot, slots> by_hash{};
    std::array<Key, entry_count> keys{};
    std::array<Entry, entry_count> entries{};
    std::size_t used = 0;
};
static_assert(entry_count * 2 < Table::slots);

constexpr std::uint16_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint16_t>((hash >> 48) | 1);
}

constexpr void add(Table& table, Entry entry) {
    char padded[TokenText::capacity + 8] = {};
    std::copy(entry.text.begin(), entry.text.end(), padded);
    const Key key = key_of(padded, entry.text.size());
    const std::uint64_t hash = hash_of(key);
    std::size_t slot = hash % Table::slots;
    while (table.by_hash[slot].tag != 0) {
        if (table.entries[table.by_hash[slot].index].text == entry.text) {
            return; // listed before with more to say
        }
        slot = (slot + 1) % Table::slots;
    }
    table.by_hash[slot] = {tag_of(hash), static_cast<std::uint16_t>(table.used)};
    table.keys[table.used] = key;
    table.entries[table.used++] = entry;
}

constexpr void add_list(Table& table, std::string_view list, WordInfo info) {
    while (!list.empty()) {
        const std::size_t size = std::min(list.find(' '), list.size());
        add(table, {list.substr(0, size), info});
        list.remove_prefix(std::min(size + 1, list.size()));
    }
}

constexpr Table table = [] {
    Table built;
    for (const Entry& entry : particular) {
        add(built, entry);
    }
    add_list(built, plain_keywords, {Word::keyword, Callable::never});
    add_list(built, harmless_functions, {Word::other, Callable::harmless});
    return built;
}();

} // namespace

WordInfo find_word(std::string_view folded) {
    const Key key = key_of(folded.data(), folded.size());
    const std::uint64_t hash = hash_of(key);
    for (std::size_t at = hash % Table::slots; table.by_hash[at].tag != 0; at = (at + 1) % Table::slots) {
        const Table::Slot slot = table.by_hash[at];
        if (slot.tag == tag_of(hash) && table.keys[slot.index] == key) {
            const Entry& entry = table.entries[slot.index];
            if (key.size <= 16 || entry.text == folded) {
                return entry.info;
            }
        }
    }
    return {};
}

} // namespace rekey::protocol::postgres
