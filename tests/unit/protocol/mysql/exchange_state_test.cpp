// A client's state between backends: what is replayed, what pins, what the next statement may ask for.
#include "tests/unit/protocol/mysql/exchange_fixture.hpp"

namespace rekey::protocol::mysql {

using MysqlState = MysqlExchangeTest;

TEST_F(MysqlState, ReplaysWhatTheServerToldOfOnTheNextBackend) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.changes = changed("sql_mode", "ANSI_QUOTES") + changed("max_statement_time", "1.5") +
                    changed("character_set_results", "") + changed("statement_id", "4") + changed("timestamp", "5") +
                    changed(SessionChangeType::state_change, "1");
    run(side, "SET sql_mode = CONCAT('ANSI', '_QUOTES')", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    Side other(context_, modern, Multiplexing::automatic, 2);
    EXPECT_EQ(attach(other),
              (std::vector<std::string>{
                  "SET character_set_results = DEFAULT, max_statement_time = DEFAULT, sql_mode = DEFAULT"}));
    EXPECT_EQ(attach(side),
              (std::vector<std::string>{
                  "SET character_set_results = NULL, max_statement_time = 1.5, sql_mode = 'ANSI_QUOTES'"}));
}

// To MySQL, DEFAULT is OFF for these two.
TEST_F(MysqlState, SwitchesChecksOfKeysOnAgainForTheNextClient) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.changes = changed("foreign_key_checks", "OFF") + changed("unique_checks", "OFF");
    run(side, "SET foreign_key_checks = 0, unique_checks = 0", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    Side other(context_, modern, Multiplexing::automatic, 2);
    EXPECT_EQ(attach(other), (std::vector<std::string>{"SET foreign_key_checks = @@GLOBAL.foreign_key_checks, "
                                                       "unique_checks = @@GLOBAL.unique_checks"}));
}

TEST_F(MysqlState, LearnsTheNamesOfALoginsCharacterSet) {
    auto startup = startup_state(context_.states, "app", 45);
    Side side(context_, modern, Multiplexing::automatic, 1, startup);
    backend_->attach(*side.client, to_backend_);
    Reply reply;
    reply.changes = changed("character_set_client", "utf8mb4") + changed("character_set_results", "utf8mb4") +
                    changed("collation_connection", "utf8mb4_general_ci");
    answer(&side, ok(1) + ok(1, reply));
    EXPECT_TRUE(backend_->attached());
    EXPECT_EQ(*side.client->settings()->find("collation_connection"), "utf8mb4_general_ci");
    Side next(context_, modern, Multiplexing::automatic, 2, startup);
    EXPECT_EQ(next.client->settings(), side.client->settings());
}

TEST_F(MysqlState, LetsTheServerChooseForACharacterSetItDoesNotKnow) {
    Side side(context_, modern, Multiplexing::automatic, 1, startup_state(context_.states, "app", 255));
    backend_->attach(*side.client, to_backend_);
    answer(&side, ok(1) + err(1, 1115));
    EXPECT_EQ(commands(asked()).size(), 1u);
    EXPECT_FALSE(backend_->attached());
    answer(&side, ok(1));
    EXPECT_TRUE(backend_->attached());
}

TEST_F(MysqlState, SaysWhyAnAttachFailed) {
    Side side(context_, modern, Multiplexing::automatic, 1, startup_state(context_.states, "gone", 0));
    backend_->attach(*side.client, to_backend_);
    answer(&side, ok(1) + err(1, 1049) + ok(1));
    std::string sqlstate, message;
    EXPECT_TRUE(backend_->attach_failed(sqlstate, message));
    EXPECT_EQ(sqlstate, "3D000");
    EXPECT_FALSE(backend_->attached());
    Side other(context_, modern, Multiplexing::automatic, 2); // the backend is as it was
    EXPECT_TRUE(attach(other).empty());
}

TEST_F(MysqlState, ClosesABackendWhoseSchemaCannotBeTakenBack) {
    Side side(context_, modern, Multiplexing::automatic, 1, context_.states.empty());
    EXPECT_EQ(backend_->attach(*side.client, to_backend_), AttachResult::pending);
    answer(&side, ok(1));
    EXPECT_TRUE(result_.broken);
}

TEST_F(MysqlState, FollowsTheSchemaByCommandAndByText) {
    Side side(context_);
    attach(side);
    send(side, command(Command::init_db, "shop"));
    answer(&side, ok(1));
    EXPECT_EQ(*side.client->settings()->find("schema"), "shop");
    send(side, command(Command::init_db, "gone"));
    answer(&side, err(1, 1049));
    EXPECT_EQ(*side.client->settings()->find("schema"), "shop");
    Reply reply;
    reply.changes = changed(SessionChangeType::schema, "app");
    run(side, "USE app", reply);
    EXPECT_EQ(*side.client->settings()->find("schema"), "app");
    reply.changes = changed(SessionChangeType::schema, "");
    run(side, "SELECT 1", reply);
    EXPECT_EQ(*side.client->settings()->find("schema"), "app");
}

TEST_F(MysqlState, ReadsTheCollationThatServersDoNotTell) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.changes = changed("character_set_client", "utf8mb4") + changed("character_set_connection", "utf8mb4") +
                    changed("character_set_results", "utf8mb4");
    run(side, "SET NAMES utf8mb4 COLLATE utf8mb4_bin", reply);
    EXPECT_EQ(*side.client->settings()->find("collation_connection"), "utf8mb4_bin");
    run(side, "SET NAMES utf8mb4", reply);
    EXPECT_EQ(side.client->settings()->find("collation_connection"), nullptr);
    EXPECT_EQ(*side.client->settings()->find("character_set_connection"), "utf8mb4");
}

TEST_F(MysqlState, TakesSetStatementForWhatItIs) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.changes = changed("max_statement_time", "5.000000") + changed(SessionChangeType::state_change, "1");
    run(side, "SET STATEMENT max_statement_time = 5 FOR SELECT 1", reply);
    EXPECT_EQ(side.client->settings()->find("max_statement_time"), nullptr);
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlState, GoesOnTrackingWhenAClientSwitchesItOff) {
    Side side(context_);
    attach(side);
    run(side, "SET session_track_schema = 0");
    EXPECT_NE(asked().find("session_track_schema = ON"), std::string::npos);
    EXPECT_FALSE(backend_->safe_point());
    EXPECT_EQ(answer(&side, ok(1)), "");
    EXPECT_TRUE(backend_->safe_point());
}

struct PinCase {
    const char *text, *reason, *freed; // what frees it, if anything but a reset does
};

class MysqlPins : public MysqlExchangeTest, public testing::WithParamInterface<PinCase> {};

TEST_P(MysqlPins, HoldTheBackendWithAReasonUntilTheyAreGone) {
    auto pins = GetParam();
    Side side(context_);
    attach(side);
    run(side, pins.text);
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    EXPECT_EQ(pin(side), pins.reason);
    if (pins.freed != nullptr) {
        send(side, query(pins.freed));
        answer(&side, err(1));
        EXPECT_EQ(pin(side), pins.reason);
        run(side, pins.freed);
    } else {
        send(side, command(Command::reset_connection));
        answer(&side, ok(1));
        EXPECT_NE(asked().find("session_track"), std::string::npos);
        answer(&side, ok(1));
    }
    EXPECT_EQ(pin(side), "");
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

INSTANTIATE_TEST_SUITE_P(Statements, MysqlPins,
                         testing::Values(PinCase{"SET @x = 1", "user_variable", nullptr},
                                         PinCase{"SELECT @x := 1", "user_variable", nullptr},
                                         PinCase{"SELECT GET_LOCK('a', 1)", "named_lock", "DO RELEASE_LOCK('A')"},
                                         PinCase{"SELECT GET_LOCK('a', 1)", "named_lock", "SELECT RELEASE_ALL_LOCKS()"},
                                         PinCase{"CREATE TEMPORARY TABLE t (a INT)", "temp_table", "DROP TABLE t"},
                                         PinCase{"PREPARE s FROM 'SELECT 1'", "sql_prepare", "DEALLOCATE PREPARE s"},
                                         PinCase{"HANDLER t OPEN", "handler", "HANDLER t CLOSE"},
                                         PinCase{"FLUSH TABLES WITH READ LOCK", "global_read_lock", "UNLOCK TABLES"},
                                         PinCase{"LOCK INSTANCE FOR BACKUP", "instance_lock", "UNLOCK INSTANCE"},
                                         PinCase{"CALL p()", "routine", nullptr},
                                         PinCase{"SELECT f(1)", "routine", nullptr},
                                         PinCase{"SET ROLE a", "role", nullptr},
                                         PinCase{"SET timestamp = 5", "volatile_variable", nullptr},
                                         PinCase{"GET DIAGNOSTICS CONDITION 1 x = NUMBER", "diagnostics", nullptr}));

TEST_F(MysqlState, PinsWhileTheServerTellsOfLockedTablesOrOfTheNextTransaction) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.changes = changed(SessionChangeType::transaction_state, "_______L");
    run(side, "LOCK TABLES t READ", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    EXPECT_EQ(pin(side), "table_lock");
    reply.changes = changed(SessionChangeType::transaction_state, "________");
    run(side, "UNLOCK TABLES", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    reply.changes =
        changed(SessionChangeType::transaction_characteristics, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;");
    run(side, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    EXPECT_EQ(pin(side), "next_transaction");
    reply.changes = changed(SessionChangeType::transaction_characteristics, "");
    run(side, "SELECT 1", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlState, PinsForAStateThatNoTextExplains) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.changes = changed(SessionChangeType::state_change, "1");
    run(side, "UPDATE t SET a = 1", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    EXPECT_EQ(pin(side), "session_state");
}

TEST_F(MysqlState, KeepsTheBackendForFoundRows) {
    Side side(context_);
    attach(side);
    send(side, query("SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1"));
    answer(&side, result({"1"}));
    EXPECT_EQ(cycle_end(side), CycleEnd::pinned);
    EXPECT_EQ(send(side, query("SELECT FOUND_ROWS()")), query("SELECT FOUND_ROWS()"));
    answer(&side, result({"100"}));
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlState, AnswersQuestionsAboutTheLastStatementItself) {
    Side side(context_, old);
    attach(side);
    Reply reply;
    reply.affected = 3;
    reply.insert_id = 9;
    run(side, "INSERT INTO t VALUES (1), (2), (3)", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    backend_.reset();
    auto number = [&](std::string_view text) {
        send(side, query(text));
        auto found = payloads(told());
        return found.size() == 5 ? found[3] : std::string("?");
    };
    EXPECT_EQ(number("SELECT ROW_COUNT()"), lenenc("3"));
    EXPECT_EQ(number("SELECT ROW_COUNT()"), lenenc("-1"));
    EXPECT_EQ(number("SELECT LAST_INSERT_ID() AS id"), lenenc("9"));
    EXPECT_EQ(number("SELECT @@identity"), lenenc("9"));
    EXPECT_EQ(number("SELECT CONNECTION_ID()"), lenenc("77"));
    EXPECT_EQ(number("SELECT FOUND_ROWS()"), lenenc("1"));
    EXPECT_EQ(number("SELECT @@warning_count"), lenenc("0"));
    send(side, query("SELECT LAST_INSERT_ID() + 1"));
    EXPECT_EQ(turn_.want, ClientWant::backend);
}

TEST_F(MysqlState, BringsTheLastInsertIdAlong) {
    Side side(context_), other(context_, modern, Multiplexing::automatic, 2);
    attach(side);
    Reply reply;
    reply.insert_id = 9;
    run(side, "INSERT INTO t VALUES (1)", reply);
    cycle_end(side);
    attach(other);
    reply.insert_id = 10;
    run(other, "INSERT INTO t VALUES (1)", reply);
    cycle_end(other);
    attach(side);
    auto text = query("INSERT INTO u VALUES (LAST_INSERT_ID())");
    EXPECT_EQ(send(side, text), query("SET last_insert_id = 9") + text);
    EXPECT_EQ(answer(&side, ok(1) + ok(1)), ok(1));
    EXPECT_TRUE(backend_->safe_point());
    EXPECT_EQ(send(side, text), text);
}

TEST_F(MysqlState, DoesNotTakeAnOldInsertIdOfTheClientsForItsLatest) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.insert_id = 1;
    run(side, "INSERT INTO t VALUES (1)", reply);
    auto first = std::move(backend_);
    backend_ = new_backend();
    attach(side);
    reply.insert_id = 2;
    run(side, "INSERT INTO t VALUES (1)", reply);
    backend_ = std::move(first);
    EXPECT_EQ(send(side, query("DO LAST_INSERT_ID()")), query("SET last_insert_id = 2") + query("DO LAST_INSERT_ID()"));
}

TEST_F(MysqlState, AsksForTheExactInsertIdOnceAClientHasUsedIt) {
    Side side(context_);
    attach(side);
    context_.last_insert_id_used = true;
    Reply reply;
    reply.insert_id = 500; // given, not made
    run(side, "INSERT INTO t (id) VALUES (500)", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::hold);
    EXPECT_EQ(asked(), query("SELECT LAST_INSERT_ID()"));
    EXPECT_EQ(answer(&side, result({"7"})), "");
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    backend_.reset();
    send(side, query("SELECT LAST_INSERT_ID()"));
    EXPECT_EQ(payloads(told())[2], lenenc("7"));
}

TEST_F(MysqlState, AsksOnlyTheBackendThatMadeItForTheExactInsertId) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.insert_id = 9;
    run(side, "INSERT INTO t VALUES (1)", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    context_.last_insert_id_used = true; // by now
    backend_ = new_backend();
    attach(side);
    run(side, "DO 1", {});
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    EXPECT_EQ(asked(), "");
}

TEST_F(MysqlState, KeepsWarningsForTheClientThatAsksForThem) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.warnings = 1;
    run(side, "INSERT INTO t VALUES ('x')", reply);
    EXPECT_EQ(cycle_end(side), CycleEnd::hold);
    EXPECT_EQ(asked(), query("SHOW WARNINGS"));
    auto row = lenenc("Warning") + lenenc("1366") + lenenc("Incorrect integer value");
    auto error = lenenc("Error") + lenenc("1062") + lenenc("Duplicate entry");
    auto reply_of_server = packet(1, "\x03") + packet(2, "c") + packet(3, "c") + packet(4, "c") + packet(5, row) +
                           packet(6, error) + end_of_rows(7);
    EXPECT_EQ(answer(&side, reply_of_server), "");
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
    backend_.reset();
    send(side, query("SHOW WARNINGS"));
    ASSERT_EQ(payloads(told()).size(), 7u);
    EXPECT_EQ(payloads(told())[4], row);
    send(side, query("SHOW ERRORS"));
    ASSERT_EQ(payloads(told()).size(), 6u);
    EXPECT_EQ(payloads(told())[4], error);
    send(side, query("SHOW COUNT(*) WARNINGS"));
    EXPECT_EQ(payloads(told())[2], lenenc("2"));
    send(side, query("SHOW WARNINGS LIMIT 1, 5"));
    EXPECT_EQ(payloads(told()).size(), 6u);
    send(side, query("SELECT @@error_count"));
    EXPECT_EQ(payloads(told())[2], lenenc("1"));
    send(side, query("SHOW WARNINGS"));
    EXPECT_EQ(payloads(told()).size(), 5u);
}

TEST_F(MysqlState, AsksForWhatAnErrorLeft) {
    Side side(context_);
    attach(side);
    send(side, query("BAD"));
    answer(&side, err(1));
    EXPECT_EQ(cycle_end(side), CycleEnd::hold);
    Reply open;
    open.status |= status::in_transaction; // the part before the error began one
    answer(&side, result({}, open));
    EXPECT_FALSE(backend_->safe_point());
}

} // namespace rekey::protocol::mysql
