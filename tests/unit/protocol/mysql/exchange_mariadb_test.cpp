// What MariaDB alone has: bulk execution (one prepared statement and rows of values for it), reports of progress.
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

class MysqlMariadb : public MysqlExchangeTest {
  protected:
    MysqlMariadb() { backend_ = new_backend("app", true); }
    void prepare(Side& side, std::uint32_t server_id) {
        send(side, command(Command::stmt_prepare, "INSERT INTO t VALUES (?)"));
        answer(&side, prepared(server_id, 1, 0));
        EXPECT_FALSE(result_.broken) << result_.reason;
    }
    // A bulk execution that tells the types, and then another backend.
    void execute_and_move_on(Side& side) {
        attach(side);
        prepare(side, 42);
        send(side, bulk(1, 128, integer + rows));
        answer(&side, ok(1));
        backend_ = new_backend("app", true);
        attach(side);
    }
};

TEST_F(MysqlMariadb, BulkIsSentUnderTheServersNumber) {
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

TEST_F(MysqlMariadb, BulkTakesItsTypesAlongToTheNextBackend) {
    Side side(context_, with_bulk);
    execute_and_move_on(side);
    EXPECT_EQ(send(side, bulk(1, 64, rows)), command(Command::stmt_prepare, "INSERT INTO t VALUES (?)"));
    answer(&side, prepared(7, 1, 0));
    EXPECT_EQ(asked(), bulk(7, 128 | 64, integer + rows));
    answer(&side, ok(1));
    EXPECT_EQ(send(side, bulk(1, 64, rows)), bulk(7, 64, rows));
}

TEST_F(MysqlMariadb, BulkAndSingleExecutionsShareTheirTypes) {
    Side side(context_, with_bulk);
    execute_and_move_on(side);
    send(side, execute(1, std::string("\0\0", 2) + le(5, 4)));
    answer(&side, prepared(7, 1, 0));
    EXPECT_EQ(asked(), execute(7, std::string("\0\1\3\0", 4) + le(5, 4)));
}

TEST_F(MysqlMariadb, BulkIsUnknownToWhoDidNotAgreeOnIt) {
    Side side(context_);
    attach(side);
    prepare(side, 42);
    EXPECT_EQ(send(side, bulk(1, 128, integer + rows)), "");
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1047);
}

TEST_F(MysqlMariadb, BulkIsRefusedWhereTheServerDoesNotKnowIt) {
    MysqlBackend::Options without;
    without.context = &context_;
    without.capabilities = backend_capabilities & ~capability::mariadb_stmt_bulk;
    without.mariadb = true;
    without.schema = "app";
    backend_ = std::make_unique<MysqlBackend>(std::move(without));
    Side side(context_, with_bulk);
    attach(side);
    prepare(side, 42);
    EXPECT_EQ(send(side, bulk(1, 128, integer + rows)), "");
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1235);
}

TEST_F(MysqlMariadb, BulkIsMalformedWithoutTheTypesItAnnounces) {
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

TEST_F(MysqlMariadb, ReportsOfProgressAreNoErrors) {
    constexpr Capabilities progress = capability::mariadb_progress;
    Side side(context_, modern | progress);
    backend_ = new_backend("app", true, progress);
    attach(side);
    send(side, query("ALTER TABLE t FORCE"));
    auto report = packet(1, "\xff\xff\xff\x01\x01\x02" + le(50'000, 3) + lenenc("copy to tmp table"));
    EXPECT_EQ(answer(&side, report), report);
    EXPECT_FALSE(backend_->safe_point());
    EXPECT_EQ(answer(&side, ok(2)), ok(2));
    EXPECT_TRUE(backend_->safe_point());
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

} // namespace rekey::protocol::mysql
