// A client's state on the backends it meets: replayed, read back, asked for, and what pins.
#include "tests/unit/protocol/postgres_exchange_fixture.hpp"

namespace rekey::protocol::postgres {

using ExchangeState = ExchangeTest;

TEST_F(ExchangeState, ReplaysStartupParametersOnceAndKnowsThemAfterwards) {
    Side side(context_, Multiplexing::automatic, 1, {{"work_mem", "8MB"}});
    EXPECT_EQ(attach(*side.client), AttachResult::pending);
    EXPECT_EQ(asked(), query_message("SELECT pg_catalog.set_config(E'work_mem',E'8MB',false)"));
    EXPECT_FALSE(backend_->attached());
    EXPECT_EQ(answer(side.client.get(), row("8MB") + complete("SELECT 1") + ready('I')), "");
    EXPECT_TRUE(backend_->attached());
    EXPECT_EQ(attach(*side.client), AttachResult::ready);
    Side other(context_, Multiplexing::automatic, 2);
    EXPECT_EQ(attach(*other.client), AttachResult::pending);
    EXPECT_EQ(asked(), query_message("RESET \"work_mem\";"));
}

TEST_F(ExchangeState, SaysWhyAStartupParameterWasRefused) {
    Side side(context_, Multiplexing::automatic, 1, {{"work_mem", "much"}});
    attach(*side.client);
    answer(side.client.get(), error("22023") + ready('I'));
    std::string sqlstate, message;
    EXPECT_TRUE(backend_->attach_failed(sqlstate, message));
    EXPECT_EQ(sqlstate, "22023");
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(ExchangeState, RemembersASetAndReplaysItElsewhere) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("SET work_mem = '8MB'"));
    EXPECT_EQ(types(answer(side.client.get(), complete("SET") + ready('I'))), "CZ");
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
    backend_ = new_backend();
    EXPECT_EQ(attach(*side.client), AttachResult::pending);
    EXPECT_EQ(asked(), query_message("SELECT pg_catalog.set_config(E'work_mem',E'8MB',false)"));
}

TEST_F(ExchangeState, ForgetsASetThatFailed) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("SET work_mem = 'much'"));
    answer(side.client.get(), error("22023") + ready('I'));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
    backend_ = new_backend();
    EXPECT_EQ(attach(*side.client), AttachResult::ready);
}

TEST_F(ExchangeState, AsksTheServerHowASetInATransactionEnded) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("BEGIN"));
    answer(side.client.get(), complete("BEGIN") + ready('T'));
    send(*side.client, query_message("SET work_mem = '8MB'"));
    answer(side.client.get(), complete("SET") + ready('T'));
    send(*side.client, query_message("ROLLBACK"));
    EXPECT_EQ(types(answer(side.client.get(), complete("ROLLBACK") + ready('I'))), "CZ");
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::hold);
    EXPECT_EQ(types(asked()), "Q");
    EXPECT_EQ(answer(side.client.get(), probe_reply()), "");
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
    backend_ = new_backend();
    EXPECT_EQ(attach(*side.client), AttachResult::ready);
}

TEST_F(ExchangeState, AsksAboutAnUnknownTextOnceAndThenRemembersItClean) {
    Side side(context_);
    attach(*side.client);
    for (bool first : {true, false}) {
        send(*side.client, query_message("SELECT my_function(1)"));
        answer(side.client.get(), complete("SELECT 1") + ready('I'));
        EXPECT_EQ(cycle_end(*side.client), first ? CycleEnd::hold : CycleEnd::release);
        if (first) {
            answer(side.client.get(), probe_reply());
            EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
        }
    }
    EXPECT_EQ(context_.probes, 1u);
}

TEST_F(ExchangeState, KeepsWhatAFunctionSetBehindItsBack) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("SELECT my_function(2)"));
    answer(side.client.get(), complete("SELECT 1") + ready('I'));
    cycle_end(*side.client);
    answer(side.client.get(), probe_reply(probe_row("s", "statement_timeout", "1000")));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
    backend_ = new_backend();
    EXPECT_EQ(attach(*side.client), AttachResult::pending);
    EXPECT_EQ(asked(), query_message("SELECT pg_catalog.set_config(E'statement_timeout',E'1000',false)"));
}

TEST_F(ExchangeState, PinsWhatCannotBeReplayedAndUnpinsWhenItIsGone) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("LISTEN channel"));
    answer(side.client.get(), complete("LISTEN") + ready('I'));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::hold);
    answer(side.client.get(), probe_reply(probe_row("l", "", "channel")));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::pinned);
    EXPECT_EQ(side.client->pin().reason, "listen");
    EXPECT_EQ(side.client->pin().freed_by, "UNLISTEN *");
    EXPECT_EQ(types(answer(side.client.get(), frame('A', "1234channel\0payload\0"))), "A");

    send(*side.client, query_message("UNLISTEN *"));
    answer(side.client.get(), complete("UNLISTEN") + ready('I'));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::hold);
    answer(side.client.get(), probe_reply());
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
    EXPECT_EQ(side.client->pin().reason, "");
}

TEST_F(ExchangeState, TellsReportedParametersBeforeReadyForQueryAndOnlyWhatChanged) {
    Side side(context_);
    attach(*side.client);
    side.client->told(backend_->reported());
    send(*side.client, query_message("SET application_name = 'x'"));
    EXPECT_EQ(answer(side.client.get(), complete("SET") + reported("application_name", "x") + ready('I')),
              complete("SET") + reported("application_name", "x") + ready('I'));
    send(*side.client, query_message("SELECT 1"));
    EXPECT_EQ(answer(side.client.get(), reported("session_authorization", "other") + complete("SELECT 1") + ready('I')),
              complete("SELECT 1") + ready('I'));
}

TEST_F(ExchangeState, GivesAResetClientItsOwnDefaultsBackBeforeItHearsOfIt) {
    Side side(context_, Multiplexing::automatic, 1, {{"DateStyle", "German"}});
    attach(*side.client);
    answer(side.client.get(), reported("DateStyle", "German, DMY") + complete("SELECT 1") + ready('I'));
    side.client->told(backend_->reported());
    send(*side.client, query_message("RESET ALL"));
    EXPECT_EQ(types(answer(side.client.get(), reported("DateStyle", "ISO, MDY") + complete("RESET") + ready('I'))), "C");
    EXPECT_EQ(asked(), query_message("SELECT pg_catalog.set_config(E'DateStyle',E'German',false)"));
    EXPECT_EQ(answer(side.client.get(), reported("DateStyle", "German, DMY") + complete("SELECT 1") + ready('I')),
              ready('I'));
}

TEST_F(ExchangeState, ClearsABackendWhoseClientLeftWithState) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("BEGIN"));
    answer(side.client.get(), complete("BEGIN") + ready('T'));
    to_backend_.clear();
    EXPECT_TRUE(backend_->client_gone(*side.client, false, to_backend_));
    EXPECT_EQ(asked(), query_message("ROLLBACK"));
    EXPECT_FALSE(backend_->safe_point());
    answer(nullptr, complete("ROLLBACK") + ready('I'));
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(ExchangeState, GivesUpABackendInTheMiddleOfARequest) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("SELECT pg_sleep(1)"));
    to_backend_.clear();
    EXPECT_FALSE(backend_->client_gone(*side.client, false, to_backend_));
}

TEST_F(ExchangeState, KeepsTheBackendOfASessionModeClientAndResetsItAtTheEnd) {
    Side side(context_, Multiplexing::session);
    attach(*side.client);
    send(*side.client, query_message("SELECT my_function(3)"));
    answer(side.client.get(), complete("SELECT 1") + ready('I'));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::pinned);
    to_backend_.clear();
    EXPECT_TRUE(backend_->client_gone(*side.client, false, to_backend_));
    EXPECT_EQ(asked(), query_message("DISCARD ALL"));
}

TEST_F(ExchangeState, RefusesATransactionBlockInStatementMode) {
    Side side(context_, Multiplexing::statement);
    attach(*side.client);
    EXPECT_EQ(send(*side.client, query_message("BEGIN")), "");
    EXPECT_EQ(types(to_client_.text()), "EZ");
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(ExchangeState, FollowsReportedParametersInTransactionMode) {
    Side side(context_, Multiplexing::transaction);
    attach(*side.client);
    side.client->told(backend_->reported());
    send(*side.client, query_message("SET application_name = 'x'"));
    answer(side.client.get(), complete("SET") + reported("application_name", "x") + ready('I'));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
    backend_ = new_backend();
    EXPECT_EQ(attach(*side.client), AttachResult::pending);
    EXPECT_EQ(asked(), query_message("SELECT pg_catalog.set_config(E'application_name',E'x',false)"));
}

TEST_F(ExchangeState, DeallocatesByNameWhatWasPreparedByMessage) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, parse_message("s", "SELECT 1") + sync_message());
    answer(side.client.get(), frame('1', "") + ready('I'));
    EXPECT_EQ(send(*side.client, query_message("DEALLOCATE s")), "");
    EXPECT_EQ(to_client_.text(), complete("DEALLOCATE") + ready('I'));
    EXPECT_EQ(send(*side.client, bind_message("s")), bind_message("s"));
}

TEST_F(ExchangeState, ExecutesByNameWhatWasPreparedByMessage) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, parse_message("s", "SELECT 1") + sync_message());
    answer(side.client.get(), frame('1', "") + ready('I'));
    backend_ = new_backend();
    attach(*side.client);
    EXPECT_EQ(send(*side.client, query_message("EXECUTE s")),
              parse_message("rekey_1", "SELECT 1") + sync_message() + query_message("EXECUTE rekey_1"));
    EXPECT_EQ(types(answer(side.client.get(),
                           frame('1', "") + ready('I') + row("1") + complete("SELECT 1") + ready('I'))),
              "DCZ");
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(ExchangeState, KeepsNoBackendForAnUnknownTextInTransactionMode) {
    Side side(context_, Multiplexing::transaction);
    attach(*side.client);
    send(*side.client, query_message("SELECT my_function(4)"));
    answer(side.client.get(), complete("SELECT 1") + ready('I'));
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
    EXPECT_EQ(context_.probes, 0u);
}

} // namespace rekey::protocol::postgres
