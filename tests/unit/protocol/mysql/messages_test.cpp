#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace rekey::protocol::mysql {
namespace {

using namespace std::string_literals;

constexpr Capabilities tracked = capability::session_track;

std::string payload(const std::string& packet) {
    return packet.substr(packet_header_size);
}

using Change = std::tuple<int, std::string, std::string>;

std::vector<Change> changes(std::string_view block, bool malformed = false) {
    std::vector<Change> found;
    SessionChanges walk(block);
    SessionChange change;
    while (walk.next(change))
        found.emplace_back(static_cast<int>(change.type), change.name, change.value);
    EXPECT_EQ(walk.malformed(), malformed);
    return found;
}

// --- OK ---

TEST(Ok, OfAnUpdateIsReadWithAndWithoutTracking) {
    // As MySQL 9.7 and MariaDB 10.11 send it, whatever the capabilities.
    auto bytes = "\x00\x01\x00\x22\x00\x00\x00\x28Rows matched: 1  Changed: 1  Warnings: 0"s;
    for (auto capabilities : {Capabilities{0}, tracked}) {
        auto ok = read_ok(bytes, capabilities);
        ASSERT_TRUE(ok);
        EXPECT_EQ(ok->affected_rows, 1u);
        EXPECT_EQ(ok->last_insert_id, 0u);
        EXPECT_EQ(ok->status, status::autocommit | status::no_index_used);
        EXPECT_EQ(ok->info, "Rows matched: 1  Changed: 1  Warnings: 0");
        EXPECT_EQ(ok->session_state, "");
    }
}

TEST(Ok, WithAnInfoWithoutLengthIsReadOnlyWithoutTracking) {
    auto bytes = "\x00\x00\x00\x02\x00\x00\x00hello"s;
    ASSERT_TRUE(read_ok(bytes, 0));
    EXPECT_EQ(read_ok(bytes, 0)->info, "hello");
    EXPECT_FALSE(read_ok(bytes, tracked));
}

TEST(Ok, OfSetCarriesTheSessionState) {
    // MySQL 9.7: SET session_track_system_variables = '*', with all trackers.
    auto bytes = "\x00\x00\x00\x02\x40\x00\x00\x00\x29\x00\x21\x1esession_track_system_variables\x01*\x02\x01\x31\x04"
                 "\x01\x00"s;
    auto ok = read_ok(bytes, tracked);
    ASSERT_TRUE(ok);
    EXPECT_TRUE(ok->status & status::session_state_changed);
    EXPECT_EQ(changes(ok->session_state),
              (std::vector<Change>{{0, "session_track_system_variables", "*"}, {2, "", "1"}, {4, "", ""}}));
}

TEST(Ok, InPlaceOfAnEofIsRead) {
    auto bytes = "\xfe\x00\x00\x02\x00\x01\x00"s;
    auto ok = read_ok(bytes, capability::deprecate_eof);
    ASSERT_TRUE(ok);
    EXPECT_EQ(ok->warnings, 1);
    EXPECT_EQ(ok->status, status::autocommit);
}

TEST(Ok, CutShortIsRefusedAtEachByte) {
    auto whole = "\x00\xfc\x00\x01\xfd\x01\x02\x03\x02\x40\x01\x00\x02hi\x05\x01\x03\x02"
                 "ab"s;
    ASSERT_TRUE(read_ok(whole, tracked));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        bool complete = size == 12 || size == 15; // nothing behind the warnings, nothing behind the info
        EXPECT_EQ(read_ok(whole.substr(0, size), tracked).has_value(), complete) << size;
    }
    EXPECT_FALSE(read_ok(whole + "x", tracked));
    EXPECT_FALSE(read_ok("\xff" + whole.substr(1), tracked));
}

TEST(Ok, IsWrittenAsItIsRead) {
    std::string block;
    add_system_variable(block, "autocommit", "OFF");
    add_system_variable(block, "sql_mode", std::string(300, 'x'));
    add_session_change(block, SessionChangeType::schema, "orders");
    add_session_change(block, SessionChangeType::state_change, "1");
    add_session_change(block, SessionChangeType::gtids, "a:1");
    add_session_change(block, SessionChangeType::transaction_state, "T_______");
    std::string out;
    EXPECT_EQ(write_ok(out, 4, tracked, {70000, 300, status::autocommit, 2, "info", block}), 5);
    auto bytes = payload(out);
    auto ok = read_ok(bytes, tracked);
    ASSERT_TRUE(ok);
    EXPECT_EQ(ok->affected_rows, 70000u);
    EXPECT_EQ(ok->last_insert_id, 300u);
    EXPECT_EQ(ok->warnings, 2);
    EXPECT_EQ(ok->info, "info");
    EXPECT_TRUE(ok->status & status::session_state_changed);
    EXPECT_EQ(changes(ok->session_state), (std::vector<Change>{{0, "autocommit", "OFF"},
                                                               {0, "sql_mode", std::string(300, 'x')},
                                                               {1, "", "orders"},
                                                               {2, "", "1"},
                                                               {3, "", "a:1"},
                                                               {5, "", "T_______"}}));
}

TEST(Ok, IsWrittenWithoutSessionStateForThoseWhoDoNotTrackIt) {
    std::string out;
    Ok ok;
    ok.status = status::autocommit | status::session_state_changed;
    ok.session_state = "\x01\x03\x02"
                       "ab";
    write_ok(out, 1, 0, ok);
    EXPECT_EQ(out, "\x07\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"s);
    out.clear();
    write_ok(out, 1, capability::deprecate_eof, {}, eof_header);
    EXPECT_EQ(out, "\x07\x00\x00\x01\xfe\x00\x00\x02\x00\x00\x00"s);
}

// --- session state ---

TEST(SessionChanges, GivesSeveralVariablesOfOneEntryOneByOne) {
    auto block = "\x00\x08\x01"
                 "a\x01"
                 "1\x01"
                 "b\x01"
                 "2\x02\x01\x31"s;
    EXPECT_EQ(changes(block), (std::vector<Change>{{0, "a", "1"}, {0, "b", "2"}, {2, "", "1"}}));
}

TEST(SessionChanges, GivesUnknownTypesAsTheyStand) {
    EXPECT_EQ(changes("\x09\x03"
                      "abc"s),
              (std::vector<Change>{{9, "", "abc"}}));
}

TEST(SessionChanges, StopsAtWhatIsMalformed) {
    EXPECT_TRUE(changes("\x01"s, true).empty());
    EXPECT_TRUE(changes("\x01\x05\x02"
                        "ab"s,
                        true)
                    .empty());
    EXPECT_TRUE(changes("\x01\x03\x01"
                        "ab"s,
                        true)
                    .empty());
    EXPECT_TRUE(changes("\x00\x02\x05"
                        "a"s,
                        true)
                    .empty());
    EXPECT_EQ(changes("\x02\x01\x31\x00"s, true).size(), 1u);
}

// --- ERR ---

TEST(Err, IsReadWithAndWithoutSqlstate) {
    auto with = "\xff\x15\x04#28000Access denied"s, without = "\xff\x10\x04Too many connections"s;
    auto err = read_err(with);
    ASSERT_TRUE(err);
    EXPECT_EQ(err->code, 1045);
    EXPECT_EQ(err->sqlstate, "28000");
    EXPECT_EQ(err->message, "Access denied");
    err = read_err(without);
    ASSERT_TRUE(err);
    EXPECT_EQ(err->code, 1040);
    EXPECT_EQ(err->sqlstate, "");
    EXPECT_EQ(err->message, "Too many connections");
}

TEST(Err, IsWrittenAsItIsRead) {
    std::string out;
    EXPECT_EQ(write_err(out, 2, {1045, "28000", "no"}), 3);
    EXPECT_EQ(out, "\x0b\x00\x00\x02\xff\x15\x04#28000no"s);
    out.clear();
    write_err(out, 0, {1040, "", "full"});
    EXPECT_EQ(out, "\x07\x00\x00\x00\xff\x10\x04"
                   "full"s);
}

TEST(Err, CutShortIsRefused) {
    EXPECT_FALSE(read_err(""));
    EXPECT_FALSE(read_err("\xff\x15"));
    EXPECT_FALSE(read_err("\x00\x15\x04"s));
    EXPECT_EQ(read_err("\xff\x15\x04#280"s)->message, "#280");
}

// --- EOF ---

TEST(Eof, IsReadAndWritten) {
    std::string out;
    EXPECT_EQ(write_eof(out, 5, {3, status::autocommit | status::more_results}), 6);
    EXPECT_EQ(out, "\x05\x00\x00\x05\xfe\x03\x00\x0a\x00"s);
    auto eof = read_eof(payload(out));
    ASSERT_TRUE(eof);
    EXPECT_EQ(eof->warnings, 3);
    EXPECT_EQ(eof->status, status::autocommit | status::more_results);
    EXPECT_FALSE(read_eof("\xfe\x00\x00"s));
    EXPECT_FALSE(read_eof("\xfe\x00\x00\x00\x00\x00"s));
    EXPECT_FALSE(read_eof("\x00\x00\x00\x00\x00"s));
}

TEST(Eof, EndsRowsByItsSize) {
    EXPECT_TRUE(is_end_of_rows(0xfe, 5, 0));
    EXPECT_FALSE(is_end_of_rows(0xfe, 9, 0));
    EXPECT_TRUE(is_end_of_rows(0xfe, 9, capability::deprecate_eof));
    EXPECT_FALSE(is_end_of_rows(0xfe, 0xffffff, capability::deprecate_eof));
    EXPECT_FALSE(is_end_of_rows(0x00, 5, 0));
}

} // namespace
} // namespace rekey::protocol::mysql
