#include "protocol/mysql/sql_scan_words.hpp"

#include "protocol/mysql/sql_scan_functions.hpp"

#include <array>
#include <cstddef>

namespace rekey::protocol::mysql {

namespace {

constexpr std::string_view keywords =
    "against all and any asc between binary both by cascade case check collate cross desc "
    "describe distinct distinctrow div dumpfile duplicate else enclosed escape escaped except exists false fields "
    "first following force from full group having high_priority ignore in inner intersect is join lateral leading "
    "like limit lines low_priority match member natural next nulls of offset order outer outfile over "
    "partitions preceding procedure quick recursive regexp rlike returning rollup row rows separator "
    "some soundslike sounds sql_big_result sql_buffer_result sql_cache sql_no_cache sql_small_result starting "
    "straight_join terminated then trailing true unbounded union using values when where window write xor";
constexpr std::string_view naming =
    "column constraint database each foreign function fulltext index key modify partition primary references "
    "schema spatial to trigger unique use view";

struct Named {
    std::string_view name;
    Word word;
};
constexpr Named words[] = {
    {"alter", Word::alter},
    {"analyze", Word::analyze},
    {"backup", Word::backup},
    {"begin", Word::begin},
    {"call", Word::call},
    {"create", Word::create},
    {"deallocate", Word::deallocate},
    {"delete", Word::delete_},
    {"do", Word::do_},
    {"drop", Word::drop},
    {"execute", Word::execute},
    {"explain", Word::explain},
    {"flush", Word::flush},
    {"get", Word::get},
    {"grant", Word::grant},
    {"handler", Word::handler},
    {"insert", Word::insert},
    {"kill", Word::kill},
    {"load", Word::load},
    {"lock", Word::lock},
    {"prepare", Word::prepare},
    {"rename", Word::rename},
    {"replace", Word::replace},
    {"revoke", Word::revoke},
    {"select", Word::select},
    {"set", Word::set},
    {"show", Word::show},
    {"start", Word::start},
    {"truncate", Word::truncate},
    {"unlock", Word::unlock},
    {"update", Word::update},
    {"with", Word::with},
    {"as", Word::as},
    {"character", Word::character},
    {"charset", Word::charset},
    {"close", Word::close},
    {"count", Word::count_},
    {"diagnostics", Word::diagnostics},
    {"end", Word::end},
    {"errors", Word::errors},
    {"for", Word::for_},
    {"global", Word::global},
    {"if", Word::if_},
    {"instance", Word::instance},
    {"into", Word::into},
    {"local", Word::local},
    {"names", Word::names},
    {"not", Word::not_},
    {"on", Word::on},
    {"open", Word::open},
    {"or", Word::or_},
    {"persist", Word::persist},
    {"persist_only", Word::persist},
    {"previous", Word::previous},
    {"resource", Word::resource},
    {"role", Word::role},
    {"session", Word::session},
    {"stage", Word::stage},
    {"statement", Word::statement},
    {"table", Word::table},
    {"tables", Word::tables},
    {"temporary", Word::temporary},
    {"transaction", Word::transaction},
    {"value", Word::value},
    {"warnings", Word::warnings},
    {"sql_calc_found_rows", Word::calc_found_rows},
    {"autocommit", Word::autocommit},
    {"connection_id", Word::connection_id},
    {"error_count", Word::error_count},
    {"found_rows", Word::found_rows},
    {"get_lock", Word::get_lock},
    {"service_get_read_locks", Word::get_lock},
    {"service_get_write_locks", Word::get_lock},
    {"last_insert_id", Word::last_insert_id},
    {"identity", Word::identity},
    {"lastval", Word::lastval},
    {"release_lock", Word::release_lock},
    {"release_all_locks", Word::release_lock},
    {"service_release_locks", Word::release_lock},
    {"row_count", Word::row_count},
    {"warning_count", Word::warning_count},
    {"insert_id", Word::volatile_variable},
    {"timestamp", Word::volatile_variable},
    {"rand_seed1", Word::volatile_variable},
    {"rand_seed2", Word::volatile_variable},
    {"pseudo_thread_id", Word::volatile_variable},
    {"gtid_next", Word::volatile_variable},
    {"gtid_seq_no", Word::volatile_variable},
    {"debug_sync", Word::volatile_variable},
};

constexpr std::size_t slots = 2048;

constexpr std::size_t hash(std::string_view text) {
    std::uint32_t value = 2166136261u;
    for (const char c : text)
        value = (value ^ static_cast<unsigned char>(c)) * 16777619u;
    return (value ^ value >> 15) % slots;
}

struct Table {
    std::array<Named, slots> entries{};
    constexpr void add(std::string_view name, Word word) {
        auto at = hash(name);
        while (!entries[at].name.empty()) {
            if (entries[at].name == name)
                return; // the first meaning counts
            at = (at + 1) % slots;
        }
        entries[at] = {name, word};
    }
    constexpr void add_all(std::string_view list, Word word) {
        while (!list.empty()) {
            auto end = list.find(' ');
            add(list.substr(0, end), word);
            list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
        }
    }
};

constexpr Table table = [] {
    Table made;
    for (const auto& entry : words)
        made.add(entry.name, entry.word);
    made.add_all(keywords, Word::keyword);
    made.add_all(naming, Word::named);
    made.add_all(harmless_functions, Word::harmless);
    return made;
}();

} // namespace

Word find_word(std::string_view folded) {
    for (auto at = hash(folded); !table.entries[at].name.empty(); at = (at + 1) % slots) {
        if (table.entries[at].name == folded)
            return table.entries[at].word;
    }
    return Word::other;
}

} // namespace rekey::protocol::mysql
