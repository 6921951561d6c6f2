// How sessions and backends part: KILL, resets, losses, refusals; and the modes without tracking.
#include "tests/unit/protocol/mysql/exchange_fixture.hpp"

namespace rekey::protocol::mysql {

using MysqlEnd = MysqlExchangeTest;

TEST_F(MysqlEnd, AsksTheDriverToCarryOutAKill) {
    Side side(context_);
    backend_.reset();
    EXPECT_EQ(send(side, query("KILL QUERY 12") + command(Command::ping)), "");
    EXPECT_EQ(side.client->kill_request().id, 12u);
    EXPECT_TRUE(side.client->kill_request().query_only);
    EXPECT_EQ(turn_.consumed, query("KILL QUERY 12").size());
    Output out;
    side.client->answer_kill(KillAnswer::done, out);
    EXPECT_EQ(out.text(), ok(1));
    EXPECT_EQ(side.client->kill_request().id, 0u);
    send(side, command(Command::process_kill, le(5, 4)));
    EXPECT_EQ(side.client->kill_request().id, 5u);
    out.clear();
    side.client->answer_kill(KillAnswer::unknown, out);
    EXPECT_EQ(load_le16(out.text().data() + packet_header_size + 1), 1094);
    send(side, query("KILL CONNECTION_ID()"));
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1235);
}

TEST_F(MysqlEnd, ResetsTheSessionWithoutABackend) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.changes = changed("sql_mode", "ANSI");
    run(side, "SET sql_mode = 'ANSI'", reply);
    cycle_end(side);
    auto backend = std::move(backend_);
    send(side, command(Command::reset_connection));
    EXPECT_EQ(told(), ok(1));
    backend_ = std::move(backend);
    EXPECT_EQ(attach(side).size(), 1u);
    EXPECT_EQ(side.client->settings()->find("sql_mode"), nullptr);
    EXPECT_EQ(*side.client->settings()->find("schema"), "app");
}

TEST_F(MysqlEnd, ResetsABackendWhoseClientHasGone) {
    Side side(context_);
    attach(side);
    to_backend_.clear();
    EXPECT_TRUE(backend_->client_gone(*side.client, false, to_backend_));
    EXPECT_EQ(asked(), "");
    run(side, "SET @x = 1");
    to_backend_.clear();
    EXPECT_TRUE(backend_->client_gone(*side.client, false, to_backend_));
    EXPECT_EQ(asked(), command(Command::reset_connection));
    answer(nullptr, ok(1));
    EXPECT_TRUE(backend_->safe_point());
    Side next(context_, modern, Multiplexing::automatic, 2);
    EXPECT_EQ(attach(next).size(), 1u); // tracking again; the schema stays
    send(next, query("SELECT 1"));
    to_backend_.clear();
    EXPECT_FALSE(backend_->client_gone(*next.client, false, to_backend_));
}

TEST_F(MysqlEnd, TellsALossAndGoesOnWhereNothingIsLost) {
    Side side(context_);
    attach(side);
    send(side, query("SELECT 1"));
    Output out;
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", out), Lost::goes_on);
    EXPECT_EQ(load_le16(out.text().data() + packet_header_size + 1), 1053);
    EXPECT_EQ(out.text()[3], '\1');

    backend_ = new_backend();
    attach(side);
    send(side, query("SELECT 1"));
    answer(&side, packet(1, "\x01") + packet(2, "column") + packet(3, lenenc("1")));
    out.clear();
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", out), Lost::goes_on);
    EXPECT_EQ(out.text()[3], '\4');

    backend_ = new_backend();
    attach(side);
    Reply open;
    open.status |= status::in_transaction;
    run(side, "BEGIN", open);
    out.clear();
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", out), Lost::close);
    EXPECT_EQ(out.text(), ""); // nothing was asked
}

TEST_F(MysqlEnd, RefusesWhatWaitsAndSaysFarewell) {
    Side side(context_);
    Output out;
    auto message = query("SELECT 1");
    EXPECT_EQ(side.client->refuse_waiting(message, "53300", "none", out), message.size());
    EXPECT_EQ(load_le16(out.text().data() + packet_header_size + 1), 1040);
    out.clear();
    EXPECT_EQ(side.client->cancel_waiting(message, out), message.size());
    EXPECT_EQ(load_le16(out.text().data() + packet_header_size + 1), 1317);
    out.clear();
    side.client->farewell("57P01", "bye", out);
    EXPECT_EQ(out.text()[3], '\0');
    EXPECT_EQ(side.client->refuse_waiting("\3", "53300", "none", out), 0u);
}

TEST_F(MysqlEnd, ServesTheOtherModes) {
    Side session(context_, modern, Multiplexing::session);
    attach(session);
    run(session, "SELECT 1");
    EXPECT_EQ(cycle_end(session), CycleEnd::pinned);
    EXPECT_EQ(pin(session), "session_mode");

    backend_ = new_backend();
    Side transaction(context_, modern, Multiplexing::transaction, 2);
    attach(transaction);
    run(transaction, "SET @x = 1");
    EXPECT_EQ(cycle_end(transaction), CycleEnd::release);

    backend_ = new_backend();
    Side statement(context_, modern, Multiplexing::statement, 3);
    attach(statement);
    EXPECT_EQ(send(statement, query("BEGIN")), "");
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1235);
}

TEST_F(MysqlEnd, AsksForAHealthCheck) {
    Side side(context_);
    attach(side);
    to_backend_.clear();
    backend_->health_check(to_backend_);
    EXPECT_EQ(asked(), command(Command::ping));
    answer(nullptr, ok(1));
    EXPECT_TRUE(backend_->safe_point());
    EXPECT_FALSE(result_.broken);
}

} // namespace rekey::protocol::mysql
