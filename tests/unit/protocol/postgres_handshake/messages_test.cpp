#include "protocol/postgres/messages.hpp"
#include "tests/unit/protocol/postgres_handshake/scripts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::protocol::postgres {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;

template <typename Write> std::string written(Write write) {
    std::string out = "kept";
    write(out);
    EXPECT_TRUE(out.starts_with("kept"));
    return out.substr(4);
}

TEST(Messages, WritesServerMessages) {
    EXPECT_EQ(written([](auto& out) { ready_for_query(out, 'I'); }), "Z\0\0\0\5I"s);
    EXPECT_EQ(written([](auto& out) { ready_for_query(out, 'E'); }), "Z\0\0\0\5E"s);
    EXPECT_EQ(written([](auto& out) { parameter_status(out, "a", "b"); }), "S\0\0\0\10a\0b\0"s);
    EXPECT_EQ(written([](auto& out) { parse_complete(out); }), "1\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { bind_complete(out); }), "2\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { close_complete(out); }), "3\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { no_data(out); }), "n\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { empty_query_response(out); }), "I\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { command_complete(out, "SET"); }), "C\0\0\0\10SET\0"s);
    EXPECT_EQ(written([](auto& out) { backend_key_data(out, 1, "abcd"); }), "K\0\0\0\14\0\0\0\1abcd"s);
    EXPECT_EQ(
        written([](auto& out) { negotiate_protocol_version(out, version_3_2, std::vector<std::string>{"_pq_.x"}); }),
        "v\0\0\0\23\0\3\0\2\0\0\0\1_pq_.x\0"s);
}

TEST(Messages, WritesAuthenticationRequests) {
    EXPECT_EQ(written([](auto& out) { authentication_ok(out); }), "R\0\0\0\10\0\0\0\0"s);
    EXPECT_EQ(written([](auto& out) { authentication_md5_password(out, "salt"); }), "R\0\0\0\14\0\0\0\5salt"s);
    EXPECT_EQ(written([](auto& out) { authentication_sasl(out, {"A", "B"}); }), "R\0\0\0\15\0\0\0\12A\0B\0\0"s);
    EXPECT_EQ(written([](auto& out) { authentication_sasl_continue(out, "x"); }), "R\0\0\0\11\0\0\0\13x"s);
    EXPECT_EQ(written([](auto& out) { authentication_sasl_final(out, "x"); }), "R\0\0\0\11\0\0\0\14x"s);
}

TEST(Messages, WritesClientMessages) {
    EXPECT_EQ(written([](auto& out) { query(out, ""); }), "Q\0\0\0\5\0"s);
    EXPECT_EQ(written([](auto& out) { parse(out, "s", "q"); }), "P\0\0\0\12s\0q\0\0\0"s);
    EXPECT_EQ(written([](auto& out) { parse(out, "", "q", std::vector<std::uint32_t>{23}); }),
              "P\0\0\0\15\0q\0\0\1\0\0\0\27"s);
    EXPECT_EQ(written([](auto& out) { close_statement(out, "s"); }), "C\0\0\0\7Ss\0"s);
    EXPECT_EQ(written([](auto& out) { close_portal(out, ""); }), "C\0\0\0\6P\0"s);
    EXPECT_EQ(written([](auto& out) { flush(out); }), "H\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { sync(out); }), "S\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { terminate(out); }), "X\0\0\0\4"s);
    EXPECT_EQ(written([](auto& out) { password_message(out, "pw"); }), "p\0\0\0\7pw\0"s);
    EXPECT_EQ(written([](auto& out) { sasl_initial_response(out, "M", "x"); }), "p\0\0\0\13M\0\0\0\0\1x"s);
    EXPECT_EQ(written([](auto& out) { sasl_response(out, "x"); }), "p\0\0\0\5x"s);
}

TEST(Messages, WritesPacketsWithoutType) {
    EXPECT_EQ(written([](auto& out) { ssl_request(out); }), "\0\0\0\10\x04\xd2\x16\x2f"s);
    EXPECT_EQ(written([](auto& out) { cancel_request(out, 1, "abcd"); }), "\0\0\0\20\x04\xd2\x16\x2e\0\0\0\1abcd"s);
    EXPECT_EQ(written([](auto& out) { startup_message(out, version_3_0, "u", "d", {}); }),
              startup({"user", "u", "database", "d"}));
    EXPECT_EQ(written([](auto& out) { startup_message(out, version_3_0, "u", "", Parameters{{"role", "r"}}); }),
              startup({"user", "u", "role", "r"}));
}

TEST(Messages, WritesErrorsThatItReads) {
    auto bytes = written([](auto& out) { error_response(out, "FATAL", "28P01", "no", "detail", "hint"); });
    auto all = frames(bytes);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].type, 'E');
    auto fields = read_error_fields(all[0].body);
    EXPECT_EQ(fields.severity, "FATAL");
    EXPECT_EQ(fields.sqlstate, "28P01");
    EXPECT_EQ(fields.message, "no");
    EXPECT_EQ(fields.detail, "detail");
    EXPECT_EQ(fields.hint, "hint");
    auto notice = frames(written([](auto& out) { notice_response(out, "WARNING", "01000", "careful"); }));
    ASSERT_EQ(notice.size(), 1u);
    EXPECT_EQ(notice[0].type, 'N');
    EXPECT_EQ(notice[0].body, text({"SWARNING", "VWARNING", "C01000", "Mcareful"}) + "\0"s);
}

TEST(Messages, WritesRowsThatItReads) {
    std::vector<std::optional<std::string_view>> values{"one", std::nullopt, ""}, columns{"left over"};
    auto bytes = written([&](auto& out) { data_row(out, values); });
    ASSERT_TRUE(read_data_row(std::string_view(bytes).substr(5), columns));
    EXPECT_EQ(columns, values);
    auto head = written([](auto& out) { row_description(out, std::vector<std::string_view>{"a"}); });
    EXPECT_EQ(head, "T\0\0\0\32\0\1a\0\0\0\0\0\0\0\0\0\0\31\xff\xff\xff\xff\xff\xff\0\0"s);
}

TEST(ErrorFields, PrefersTheSeverityThatIsNotTranslated) {
    EXPECT_EQ(read_error_fields(text({"SFEHLER", "VERROR"}) + "\0"s).severity, "ERROR");
    EXPECT_EQ(read_error_fields(text({"SFEHLER"}) + "\0"s).severity, "FEHLER");
}

// CVE-2026-6666: a reader that took the fields for granted.
TEST(ErrorFields, MissesNothingThatIsMissing) {
    for (const auto& body : {""s, "\0"s, "C"s, "C28P01"s, "M"s, "\0C28P01\0"s}) {
        auto fields = read_error_fields(body);
        EXPECT_EQ(fields.severity, "");
        EXPECT_EQ(fields.sqlstate, "");
        EXPECT_EQ(fields.message, "");
    }
}

TEST(ErrorFields, KeepsWhatCameBeforeACut) {
    auto body = text({"SFATAL", "C28P01", "Mno", "Xunknown", "Rauth_failed"}) + "\0"s;
    for (std::size_t size = 0; size <= body.size(); ++size) {
        auto fields = read_error_fields(std::string_view(body).substr(0, size));
        EXPECT_EQ(fields.sqlstate, size >= 14 ? "28P01" : "");
        EXPECT_EQ(fields.message, size >= 18 ? "no" : "");
        EXPECT_EQ(fields.routine, size >= body.size() - 1 ? "auth_failed" : "");
    }
}

TEST(ReadParameterStatus, RefusesEveryTruncationAndEveryRest) {
    auto body = text({"TimeZone", ""});
    auto status = read_parameter_status(body);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->name, "TimeZone");
    EXPECT_EQ(status->value, "");
    for (std::size_t size = 0; size < body.size(); ++size)
        EXPECT_FALSE(read_parameter_status(std::string_view(body).substr(0, size)));
    EXPECT_FALSE(read_parameter_status(body + "x"));
    EXPECT_FALSE(read_parameter_status(text({"", "value"})));
}

TEST(ReadBackendKeyData, TakesKeysOfFourTo256Bytes) {
    for (std::size_t size : {4u, 32u, 256u}) {
        auto body = "\1\2\3\4" + std::string(size, 'k');
        auto data = read_backend_key_data(body);
        ASSERT_TRUE(data);
        EXPECT_EQ(data->pid, 0x01020304u);
        EXPECT_EQ(data->key, std::string(size, 'k'));
    }
    for (std::size_t size : {0u, 1u, 3u, 257u})
        EXPECT_FALSE(read_backend_key_data("\1\2\3\4" + std::string(size, 'k')));
    EXPECT_FALSE(read_backend_key_data("\1\2\3"));
    EXPECT_FALSE(read_backend_key_data(""));
}

TEST(ReadDataRow, RefusesEveryTruncationAndEveryRest) {
    auto body = "\0\3\0\0\0\3abc\xff\xff\xff\xff\0\0\0\0"s;
    std::vector<std::optional<std::string_view>> columns;
    ASSERT_TRUE(read_data_row(body, columns));
    EXPECT_THAT(columns, ElementsAre("abc", std::nullopt, ""));
    for (std::size_t size = 0; size < body.size(); ++size)
        EXPECT_FALSE(read_data_row(std::string_view(body).substr(0, size), columns)) << size;
    EXPECT_FALSE(read_data_row(body + "x", columns));
    EXPECT_TRUE(read_data_row("\0\0"s, columns));
    EXPECT_TRUE(columns.empty());
}

TEST(ReadDataRow, BelievesNoLengthItCannotSee) {
    std::vector<std::optional<std::string_view>> columns;
    EXPECT_FALSE(read_data_row("\xff\xff"s, columns));
    EXPECT_EQ(columns.capacity(), 0u);
    EXPECT_FALSE(read_data_row("\0\1\x7f\xff\xff\xff"s, columns));
    EXPECT_FALSE(read_data_row("\0\1\xff\xff\xff\xfe"s, columns));
}

TEST(ReadCommandComplete, IsOneText) {
    EXPECT_EQ(read_command_complete("SELECT 1\0"s), "SELECT 1");
    EXPECT_EQ(read_command_complete("SELECT 1"), std::nullopt);
    EXPECT_EQ(read_command_complete("SELECT 1\0x"s), std::nullopt);
    EXPECT_EQ(read_command_complete(""), std::nullopt);
}

TEST(MessagesDeathTest, KeysHaveTheLengthTheProtocolAllows) {
    std::string out;
    EXPECT_DEATH(backend_key_data(out, 1, "abc"), "invariant broken");
    EXPECT_DEATH(cancel_request(out, 1, std::string(257, 'k')), "invariant broken");
    EXPECT_DEATH(ready_for_query(out, 'X'), "invariant broken");
}

} // namespace
} // namespace rekey::protocol::postgres
