// Prepared statements: numbers of the client's own, whatever backend a statement is executed on.
#include "tests/unit/protocol/mysql/exchange_fixture.hpp"

namespace rekey::protocol::mysql {

namespace {
const std::string bound = std::string("\0\1\3\0", 4) + le(5, 4); // no nulls, types follow: one integer
const std::string unbound = std::string("\0\0", 2) + le(5, 4);   // types as before
} // namespace

class MysqlPrepared : public MysqlExchangeTest {
  protected:
    // Prepares under the number the server gives.
    void prepare(Side& side, std::string_view text, std::uint32_t server_id, std::uint16_t parameters = 1) {
        send(side, command(Command::stmt_prepare, text));
        answer(&side, prepared(server_id, parameters, 1));
        EXPECT_FALSE(result_.broken) << result_.reason;
    }
};

TEST_F(MysqlPrepared, GivesTheClientNumbersOfItsOwn) {
    Side side(context_);
    attach(side);
    EXPECT_EQ(send(side, command(Command::stmt_prepare, "SELECT ?")), command(Command::stmt_prepare, "SELECT ?"));
    EXPECT_EQ(answer(&side, prepared(42, 1, 1)), prepared(1, 1, 1));
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    EXPECT_EQ(send(side, execute(1, bound)), execute(42, bound));
    EXPECT_EQ(answer(&side, result({"x"})), result({"x"}));
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlPrepared, JudgesATextByTheServerItIsFor) {
    const std::string_view text = "SELECT /*M! @x := 1, */ 1"; // a comment for a MySQL
    for (bool mariadb : {false, true}) {
        Side side(context_, modern, Multiplexing::automatic, mariadb ? 2 : 1);
        backend_ = new_backend("app", mariadb);
        attach(side);
        prepare(side, text, 42, 0);
        send(side, execute(1));
        answer(&side, result({"x"}));
        EXPECT_EQ(cycle_end(side), mariadb ? CycleEnd::pinned : CycleEnd::release);
        EXPECT_EQ(pin(side), mariadb ? "user_variable" : "");
    }
}

TEST_F(MysqlPrepared, TranslatesTheReplyForClientsWithoutDeprecateEof) {
    Side side(context_, old);
    attach(side);
    send(side, command(Command::stmt_prepare, "SELECT ?"));
    auto numbers = '\0' + le(1, 4) + le(1, 2) + le(1, 2) + std::string(3, '\0');
    EXPECT_EQ(answer(&side, prepared(1, 1, 1)),
              packet(1, numbers) + packet(2, "column") + eof(3) + packet(4, "column") + eof(5));
    send(side, command(Command::stmt_prepare, "DO 1"));
    answer(&side, prepared(2, 0, 0));
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlPrepared, PreparesAgainOnTheNextBackendAndTellsItTheTypes) {
    Side side(context_);
    attach(side);
    prepare(side, "SELECT ?", 42);
    send(side, execute(1, bound));
    answer(&side, result({"x"}));

    backend_ = new_backend();
    attach(side);
    EXPECT_EQ(send(side, execute(1, unbound)), command(Command::stmt_prepare, "SELECT ?"));
    EXPECT_EQ(turn_.consumed, execute(1, unbound).size());
    EXPECT_EQ(answer(&side, prepared(7, 1, 1)), "");
    EXPECT_EQ(asked(), execute(7, bound));
    EXPECT_EQ(answer(&side, result({"x"})), result({"x"}));
    EXPECT_EQ(send(side, execute(1, unbound)), execute(7, unbound));
    answer(&side, result({"x"}));
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlPrepared, PreparesOncePerBackendForAllClients) {
    Side first(context_), second(context_, modern, Multiplexing::automatic, 2);
    attach(first);
    prepare(first, "SELECT ?", 42);
    attach(second);
    send(second, command(Command::stmt_prepare, "SELECT ?"));
    answer(&second, prepared(43, 1, 1));
    EXPECT_EQ(asked(), command(Command::stmt_close, le(43, 4)));
    EXPECT_EQ(send(second, execute(1, bound)), execute(42, bound));
    EXPECT_EQ(backend_->prepared_statements(), 1u);
}

TEST_F(MysqlPrepared, ClosesNothingOnTheBackendUntilItIsFull) {
    Side side(context_);
    attach(side);
    prepare(side, "SELECT 1 + ?", 1);
    EXPECT_EQ(send(side, command(Command::stmt_close, le(1, 4))), "");
    EXPECT_EQ(told(), "");
    prepare(side, "SELECT 2 + ?", 2);
    prepare(side, "SELECT 3 + ?", 3);
    auto fourth = command(Command::stmt_prepare, "SELECT 4 + ?");
    EXPECT_EQ(send(side, fourth), command(Command::stmt_close, le(1, 4)) + fourth);
    answer(&side, prepared(4, 1, 1));
    EXPECT_EQ(backend_->prepared_statements(), 3u);
    send(side, execute(1, bound));
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1243);
}

TEST_F(MysqlPrepared, TellsTheErrorOfPreparingAgain) {
    Side side(context_);
    attach(side);
    prepare(side, "SELECT * FROM t WHERE a = ?", 1);
    backend_ = new_backend();
    attach(side);
    send(side, execute(1, bound));
    EXPECT_EQ(answer(&side, err(1, 1146, "42S02")), err(1, 1146, "42S02"));
    EXPECT_EQ(asked(), "");
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlPrepared, PreparesUnderTheSettingsOfItsTime) {
    Side side(context_);
    attach(side);
    prepare(side, "SELECT * FROM t WHERE a = ?", 1);
    Reply moved;
    moved.changes = changed(SessionChangeType::schema, "other");
    run(side, "USE other", moved);
    backend_ = new_backend("other");
    attach(side);
    send(side, execute(1, bound));
    EXPECT_EQ(commands(asked()), (std::vector<std::string>{"app", "SELECT * FROM t WHERE a = ?", "other"}));
    answer(&side, ok(1) + prepared(9, 1, 1) + ok(1));
    EXPECT_EQ(asked(), execute(9, bound));
}

TEST_F(MysqlPrepared, PinsForLongDataAndCursors) {
    Side side(context_);
    attach(side);
    prepare(side, "SELECT ?", 42);
    auto data = le(0, 2) + "blob";
    EXPECT_EQ(send(side, command(Command::stmt_send_long_data, le(1, 4) + data)),
              command(Command::stmt_send_long_data, le(42, 4) + data));
    EXPECT_EQ(pin(side), "long_data");
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    send(side, execute(1, std::string("\0\1\xfc\0", 4), 1));
    Reply cursor;
    cursor.status |= status::cursor_exists;
    EXPECT_EQ(answer(&side, result({}, cursor)), result({}, cursor));
    EXPECT_EQ(pin(side), "cursor");
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    auto fetch = [](std::uint32_t id) { return command(Command::stmt_fetch, le(id, 4) + le(1, 4)); };
    EXPECT_EQ(send(side, fetch(1)), fetch(42));
    EXPECT_EQ(answer(&side, packet(1, "row") + end_of_rows(2, cursor)), packet(1, "row") + end_of_rows(2, cursor));
    EXPECT_EQ(pin(side), "cursor");
    Reply last;
    last.status |= status::last_row_sent;
    send(side, fetch(1));
    answer(&side, packet(1, "row") + end_of_rows(2, last));
    EXPECT_EQ(pin(side), "");
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlPrepared, OpensACursorForAnOldClientWithOneEof) {
    Side side(context_, old);
    attach(side);
    prepare(side, "SELECT ?", 42);
    send(side, execute(1, bound, 1));
    Reply cursor;
    cursor.status |= status::cursor_exists;
    EXPECT_EQ(answer(&side, result({}, cursor)), packet(1, "\x01") + packet(2, "column") + eof(3, cursor.status));
}

TEST_F(MysqlPrepared, KnowsTheLastOneByNoNumber) {
    Side side(context_);
    attach(side);
    auto message = command(Command::stmt_prepare, "SELECT ?");
    EXPECT_EQ(send(side, message + execute(0xffffffff, bound)), message);
    EXPECT_EQ(answer(&side, prepared(42, 1, 1)), prepared(1, 1, 1));
    EXPECT_EQ(asked(), execute(42, bound));
}

TEST_F(MysqlPrepared, AnswersAResetWithoutABackend) {
    Side side(context_);
    attach(side);
    prepare(side, "SELECT ?", 42);
    backend_.reset();
    send(side, command(Command::stmt_reset, le(1, 4)));
    EXPECT_EQ(told(), ok(1));
}

TEST_F(MysqlPrepared, StreamsALongExecution) {
    Side side(context_);
    attach(side);
    prepare(side, "SELECT ?", 42);
    auto blob = std::string("\0\1\xfc\0", 4) + "\xfd" + le(200000, 3) + std::string(200000, 'b');
    auto message = execute(1, blob);
    std::string sent;
    std::string rest;
    for (std::size_t at = 0; at < message.size(); at += 5) {
        rest += message.substr(at, 5);
        sent += send(side, rest);
        rest.erase(0, turn_.consumed);
    }
    EXPECT_EQ(sent, execute(42, blob));
}

} // namespace rekey::protocol::mysql
