// Query attributes: to a backend that takes them as they came, to another not at all.
#include "tests/unit/protocol/mysql/exchange_fixture.hpp"

namespace rekey::protocol::mysql {

namespace {
constexpr Capabilities named = modern | capability::query_attributes;
const std::string bound = std::string("\0\1\3\0", 4) + le(5, 4); // no nulls, types follow: one integer
const std::string unbound = std::string("\0\0", 2) + le(5, 4);   // types as before
const std::string none("\0\1", 2);
const std::string one = std::string("\1\1\0\1", 4) + std::string("\xfe\0", 2) + lenenc("name") + lenenc("value");

std::string query_with(std::string_view attributes, std::string_view text) {
    return command(Command::query, std::string(attributes) + std::string(text));
}
} // namespace

class MysqlAttributes : public MysqlExchangeTest {
  protected:
    MysqlAttributes() { backend_ = taking(); }
    std::unique_ptr<MysqlBackend> taking() { return new_backend("app", false, capability::query_attributes); }
    void prepare(Side& side, std::string_view text, std::uint32_t server_id, std::uint16_t parameters = 1) {
        send(side, command(Command::stmt_prepare, text));
        answer(&side, prepared(server_id, parameters, 1));
        EXPECT_FALSE(result_.broken) << result_.reason;
    }
};

TEST_F(MysqlAttributes, PassWithTheirText) {
    Side side(context_, named);
    attach(side);
    for (const auto& attributes : {none, one}) {
        EXPECT_EQ(send(side, query_with(attributes, "SELECT 1")), query_with(attributes, "SELECT 1"));
        EXPECT_EQ(answer(&side, result({"1"})), result({"1"}));
        EXPECT_EQ(cycle_end(side), CycleEnd::release);
    }
    send(side, query_with("\5", ""));
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1835);
}

TEST_F(MysqlAttributes, AreNotTakenForTheText) {
    Side side(context_, named);
    attach(side);
    send(side, query_with(one, "SELECT @x := 1"));
    answer(&side, result({"1"}));
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    EXPECT_EQ(pin(side), "user_variable");
    send(side, query_with(one, "KILL QUERY 5"));
    EXPECT_EQ(side.client->kill_request().id, 5u);
}

TEST_F(MysqlAttributes, StandBeforeEveryTextOfOurOwn) {
    Side side(context_, named);
    to_backend_.clear();
    ASSERT_EQ(backend_->attach(*side.client, to_backend_), AttachResult::pending);
    for (const auto& payload : payloads(asked()))
        EXPECT_EQ(payload.substr(0, 3), '\3' + none) << payload;
    EXPECT_FALSE(payloads(asked()).empty());
}

TEST_F(MysqlAttributes, AreWaitedForWhereALongTextComesInPieces) {
    Side side(context_, named);
    attach(side);
    auto message = query_with(one, "SELECT '" + std::string(100'000, 'x') + "', @x := 1");
    std::string sent, rest;
    for (std::size_t at = 0; at < message.size(); at += 7) {
        rest += message.substr(at, 7);
        sent += send(side, rest);
        EXPECT_EQ(told(), "");
        rest.erase(0, turn_.consumed);
    }
    EXPECT_EQ(sent, message);
    answer(&side, result({"1"}));
    EXPECT_EQ(pin(side), "user_variable");
}

TEST_F(MysqlAttributes, PassAmongTheParametersOfAStatement) {
    Side side(context_, named);
    attach(side);
    prepare(side, "SELECT ?", 42);
    auto given = std::string("\2\0\1\3\0", 5) + lenenc("") + std::string("\xfe\0", 2) + lenenc("name") + le(5, 4) +
                 lenenc("value");
    EXPECT_EQ(send(side, execute(1, given, 8)), execute(42, given, 8));
    answer(&side, result({"x"}));
    prepare(side, "SELECT 1", 43, 0);
    auto alone = std::string("\1\0\1\xfe\0", 5) + lenenc("name") + lenenc("value");
    EXPECT_EQ(send(side, execute(2, alone, 8)), execute(43, alone, 8));
    answer(&side, result({"x"}));
    EXPECT_EQ(send(side, execute(2)), execute(43));
}

TEST_F(MysqlAttributes, LeaveRoomForTypesThatOnlyAnotherBackendWasTold) {
    Side side(context_, named);
    attach(side);
    prepare(side, "SELECT ?", 42);
    auto given = std::string("\1\0\1\3\0", 5) + lenenc("") + le(5, 4);
    auto again = std::string("\1\0\0", 3) + le(5, 4);
    send(side, execute(1, given, 8));
    answer(&side, result({"x"}));
    backend_ = taking();
    attach(side);
    send(side, execute(1, again, 8));
    answer(&side, prepared(7, 1, 1));
    EXPECT_EQ(asked(), execute(7, given, 8));
    answer(&side, result({"x"}));
    EXPECT_EQ(send(side, execute(1, again, 8)), execute(7, again, 8));
}

TEST_F(MysqlAttributes, WantTheirTypes) {
    Side side(context_, named);
    attach(side);
    prepare(side, "SELECT 1", 42, 0);
    EXPECT_EQ(send(side, execute(1, std::string("\1\0\0", 3) + lenenc("value"), 8)), "");
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1835);
}

TEST_F(MysqlAttributes, ArePaddedForABackendThatDoesNotTakeThem) {
    Side side(context_, named);
    backend_ = new_backend();
    attach(side);
    EXPECT_EQ(send(side, command(Command::query, std::string("\0\1", 2) + "SELECT 1")), query("  SELECT 1"));
    answer(&side, result({"1"}));
    auto attributes = std::string("\1\1\0\1", 4) + std::string("\xfe\0", 2) + lenenc("name") + lenenc("value");
    EXPECT_EQ(send(side, command(Command::query, attributes + "SELECT 1")),
              query(std::string(attributes.size(), ' ') + "SELECT 1"));
    answer(&side, result({"1"}));
    send(side, command(Command::query, "\5"));
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1835);
}

TEST_F(MysqlAttributes, AreTakenOutOfTheTypesForSuchABackend) {
    Side side(context_, named);
    backend_ = new_backend();
    attach(side);
    prepare(side, "SELECT ?", 42);
    auto given = std::string("\1\0\1\3\0", 5) + lenenc("") + le(5, 4);
    EXPECT_EQ(send(side, execute(1, given, 8)), execute(42, bound));
    answer(&side, result({"x"}));
    auto again = std::string("\1\0\0", 3) + le(5, 4);
    EXPECT_EQ(send(side, execute(1, again, 8)), execute(42, unbound));
}

} // namespace rekey::protocol::mysql
