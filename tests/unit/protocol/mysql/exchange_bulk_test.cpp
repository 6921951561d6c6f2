// Bulk execution of MariaDB: one prepared statement and rows of values for it.
#include "tests/unit/protocol/mysql/exchange_fixture.hpp"

namespace rekey::protocol::mysql {

namespace {
constexpr Capabilities with_bulk = modern | capability::mariadb_stmt_bulk;
const std::string rows = '\0' + le(5, 4) + '\0' + le(6, 4); // of one integer each

std::string bulk(std::uint32_t id, std::uint16_t flags, std::string_view rest) {
    return command(Command::mariadb_stmt_bulk_execute, le(id, 4) + le(flags, 2) + std::string(rest));
}
const std::string integer = le(3, 2); // a type
} // namespace

class MysqlBulk : public MysqlExchangeTest {
  protected:
    MysqlBulk() { backend_ = new_backend("app", true); }
    void prepare(Side& side, std::uint32_t server_id) {
        send(side, command(Command::stmt_prepare, "INSERT INTO t VALUES (?)"));
        answer(&side, prepared(server_id, 1, 0));
        EXPECT_FALSE(result_.broken) << result_.reason;
    }
};

TEST_F(MysqlBulk, IsSentUnderTheServersNumber) {
    Side side(context_, with_bulk);
    attach(side);
    prepare(side, 42);
    EXPECT_EQ(send(side, bulk(1, 128, integer + rows)), bulk(42, 128, integer + rows));
    Reply reply;
    reply.affected = 2;
    EXPECT_EQ(answer(&side, ok(1, reply)), ok(1, reply));
    EXPECT_EQ(send(side, bulk(1, 0, rows)), bulk(42, 0, rows));
    answer(&side, ok(1, reply));
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlBulk, TakesItsTypesAlongToTheNextBackend) {
    Side side(context_, with_bulk);
    attach(side);
    prepare(side, 42);
    send(side, bulk(1, 128, integer + rows));
    answer(&side, ok(1));
    backend_ = new_backend("app", true);
    attach(side);
    EXPECT_EQ(send(side, bulk(1, 64, rows)), command(Command::stmt_prepare, "INSERT INTO t VALUES (?)"));
    answer(&side, prepared(7, 1, 0));
    EXPECT_EQ(asked(), bulk(7, 128 | 64, integer + rows));
    answer(&side, ok(1));
    EXPECT_EQ(send(side, bulk(1, 64, rows)), bulk(7, 64, rows));
}

TEST_F(MysqlBulk, AndSingleExecutionsShareTheirTypes) {
    Side side(context_, with_bulk);
    attach(side);
    prepare(side, 42);
    send(side, bulk(1, 128, integer + rows));
    answer(&side, ok(1));
    backend_ = new_backend("app", true);
    attach(side);
    send(side, execute(1, std::string("\0\0", 2) + le(5, 4)));
    answer(&side, prepared(7, 1, 0));
    EXPECT_EQ(asked(), execute(7, std::string("\0\1\3\0", 4) + le(5, 4)));
}

TEST_F(MysqlBulk, IsUnknownToWhoDidNotAgreeOnIt) {
    Side side(context_);
    attach(side);
    prepare(side, 42);
    EXPECT_EQ(send(side, bulk(1, 128, integer + rows)), "");
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1047);
}

TEST_F(MysqlBulk, IsMalformedWithoutTheTypesItAnnounces) {
    Side side(context_, with_bulk);
    attach(side);
    prepare(side, 42);
    for (const auto& rest : {std::string(), std::string("\3")}) {
        EXPECT_EQ(send(side, bulk(1, 128, rest)), "");
        EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1835);
    }
    EXPECT_EQ(send(side, command(Command::mariadb_stmt_bulk_execute, le(1, 4))), "");
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1835);
}

} // namespace rekey::protocol::mysql
