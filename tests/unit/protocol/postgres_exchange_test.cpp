// The exchange's accounting: every reply reaches the client it belongs to, and the backend is free exactly when nothing
// is owed. Scripts of bytes on either side.
#include "tests/unit/protocol/postgres_exchange_fixture.hpp"

namespace rekey::protocol::postgres {

using Exchange = ExchangeTest;

TEST_F(Exchange, ForwardsASimpleQueryUntouchedAndIsFreeAfterReadyForQuery) {
    Side side(context_);
    EXPECT_EQ(attach(*side.client), AttachResult::ready);
    auto message = query_message("SELECT 1");
    EXPECT_EQ(send(*side.client, message), message);
    EXPECT_EQ(turn_.consumed, message.size());
    EXPECT_FALSE(backend_->safe_point());
    auto reply = row("1") + complete("SELECT 1") + ready('I');
    EXPECT_EQ(answer(side.client.get(), reply), reply);
    EXPECT_TRUE(backend_->safe_point());
    EXPECT_EQ(cycle_end(*side.client), CycleEnd::release);
}

TEST_F(Exchange, AsksForABackendBeforeItConsumesTheFrame) {
    Side side(context_);
    auto message = query_message("SELECT 1");
    backend_.reset();
    EXPECT_EQ(send(*side.client, message), "");
    EXPECT_EQ(turn_.consumed, 0u);
    EXPECT_EQ(turn_.want, ClientWant::backend);
}

TEST_F(Exchange, AnswersALoneSyncWithoutABackend) {
    Side side(context_);
    backend_.reset();
    send(*side.client, sync_message());
    EXPECT_EQ(to_client_.text(), ready('I'));
}

TEST_F(Exchange, IsNotFreeInATransaction) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("BEGIN"));
    answer(side.client.get(), complete("BEGIN") + ready('T'));
    EXPECT_FALSE(backend_->safe_point());
    EXPECT_TRUE(backend_->in_transaction());
    send(*side.client, query_message("COMMIT"));
    answer(side.client.get(), complete("COMMIT") + ready('I'));
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(Exchange, GivesTheSameBytesHoweverTheInputIsChunked) {
    auto sent = parse_message("s", "SELECT $1") + describe_message("s") + bind_message("s") + execute_message() +
                sync_message() + query_message("SELECT 2") + close_message("s") + sync_message();
    auto replied = frame('1', "") + frame('t', std::string(2, '\0')) + frame('T', std::string(2, '\0')) +
                   frame('2', "") + row("1") + complete("SELECT 1") + ready('I') + row("2") + complete("SELECT 1") +
                   ready('I') + ready('I');
    std::string backend_whole, client_whole;
    for (std::size_t chunk : {sent.size() + replied.size(), std::size_t{1}, std::size_t{3}, std::size_t{7}}) {
        ExchangeContext context;
        std::string to_backend, to_client, rest;
        {
            Side side(context);
            PostgresBackend::Options options;
            options.context = &context;
            options.login_user = "login";
            PostgresBackend backend(std::move(options));
            Output out_backend, out_client;
            auto feed = [&](std::string_view input, bool from_client) {
                rest.clear();
                for (std::size_t at = 0; at < input.size(); at += chunk) {
                    rest += input.substr(at, chunk);
                    auto used = from_client
                                    ? side.client->on_client(rest, &backend, out_backend, out_client).consumed
                                    : backend.on_backend(rest, side.client.get(), out_client, out_backend).consumed;
                    to_backend += out_backend.text();
                    to_client += out_client.text();
                    out_backend.clear();
                    out_client.clear();
                    rest.erase(0, used);
                }
                EXPECT_EQ(rest, "");
            };
            out_backend.clear();
            backend.attach(*side.client, out_backend);
            feed(sent, true);
            feed(replied, false);
            EXPECT_TRUE(backend.safe_point());
        }
        if (backend_whole.empty()) {
            backend_whole = to_backend;
            client_whole = to_client;
        }
        EXPECT_EQ(to_backend, backend_whole) << chunk;
        EXPECT_EQ(to_client, client_whole) << chunk;
    }
    EXPECT_EQ(types(client_whole), "1tT2DCZDCZ3Z");
}

TEST_F(Exchange, RenamesAPreparedStatementAndKnowsItOnTheNextBackend) {
    Side side(context_);
    attach(*side.client);
    auto out = send(*side.client, parse_message("mine", "SELECT $1") + sync_message());
    EXPECT_EQ(out, parse_message("rekey_1", "SELECT $1") + sync_message());
    EXPECT_EQ(answer(side.client.get(), frame('1', "") + ready('I')), frame('1', "") + ready('I'));

    backend_ = new_backend();
    attach(*side.client);
    out = send(*side.client, bind_message("mine") + execute_message() + sync_message());
    EXPECT_EQ(out, parse_message("rekey_1", "SELECT $1") + bind_message("rekey_1") + execute_message() + sync_message());
    auto reply = frame('2', "") + complete("SELECT 0") + ready('I');
    EXPECT_EQ(answer(side.client.get(), frame('1', "") + reply), reply);
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(Exchange, AnswersAParseTheBackendKnowsInItsTurn) {
    Side first(context_, Multiplexing::automatic, 1), second(context_, Multiplexing::automatic, 2);
    attach(*first.client);
    send(*first.client, parse_message("a", "SELECT 1") + sync_message());
    answer(first.client.get(), frame('1', "") + ready('I'));
    attach(*second.client);
    auto out = send(*second.client, query_message("SELECT 2") + parse_message("b", "SELECT 1") + bind_message("b") +
                                        execute_message() + sync_message());
    EXPECT_EQ(types(out), "QBES");
    EXPECT_TRUE(to_client_.empty());
    EXPECT_EQ(types(answer(second.client.get(), row("2") + complete("SELECT 1") + ready('I') + frame('2', "") +
                                                    complete("SELECT 1") + ready('I'))),
              "DCZ12CZ");
}

TEST_F(Exchange, PreparesAKnownGoodTextWithoutABackend) {
    Side first(context_, Multiplexing::automatic, 1), second(context_, Multiplexing::automatic, 2);
    attach(*first.client);
    send(*first.client, parse_message("a", "SELECT 1") + sync_message());
    answer(first.client.get(), frame('1', "") + ready('I'));
    backend_.reset();
    send(*second.client, parse_message("b", "SELECT 1") + sync_message());
    EXPECT_EQ(to_client_.text(), frame('1', "") + ready('I'));
    send(*second.client, parse_message("c", "SELECT other"));
    EXPECT_EQ(turn_.want, ClientWant::backend);
}

TEST_F(Exchange, ForgetsAStatementWhoseParseFailed) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, parse_message("s", "SELEC") + bind_message("s") + sync_message());
    EXPECT_EQ(types(answer(side.client.get(), error("42601") + ready('I'))), "EZ");
    EXPECT_TRUE(backend_->safe_point());
    EXPECT_EQ(send(*side.client, bind_message("s") + sync_message()), bind_message("s") + sync_message());
}

TEST_F(Exchange, LetsTheServerRefuseANameThatIsTaken) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, parse_message("s", "SELECT 1") + sync_message());
    answer(side.client.get(), frame('1', "") + ready('I'));
    EXPECT_EQ(send(*side.client, parse_message("s", "SELECT 2") + sync_message()),
              parse_message("rekey_1", "SELECT 2") + sync_message());
    EXPECT_EQ(types(answer(side.client.get(), error("42P05") + ready('I'))), "EZ");
    EXPECT_EQ(send(*side.client, bind_message("s")), bind_message("rekey_1"));
}

TEST_F(Exchange, ClosesTheLongestUnusedStatementBeyondTheLimit) {
    Side side(context_);
    attach(*side.client);
    for (const char* name : {"a", "b", "c"}) {
        send(*side.client, parse_message(name, std::string("SELECT '") + name + "'") + sync_message());
        answer(side.client.get(), frame('1', "") + ready('I'));
    }
    auto out = send(*side.client, parse_message("d", "SELECT 'd'") + sync_message());
    EXPECT_EQ(out, close_message("rekey_1") + parse_message("rekey_4", "SELECT 'd'") + sync_message());
    EXPECT_EQ(types(answer(side.client.get(), frame('3', "") + frame('1', "") + ready('I'))), "1Z");
    EXPECT_EQ(backend_->prepared_statements(), 3u);
}

TEST_F(Exchange, NeverLetsABindMeanAnotherClientsUnnamedStatement) {
    Side first(context_, Multiplexing::automatic, 1), second(context_, Multiplexing::automatic, 2);
    attach(*first.client);
    send(*first.client, parse_message("", "SELECT 1") + sync_message());
    answer(first.client.get(), frame('1', "") + ready('I'));
    attach(*second.client);
    EXPECT_EQ(send(*second.client, bind_message("")), bind_message("rekey_none"));
}

TEST_F(Exchange, ParsesTheUnnamedStatementAgainWhereItIsMissing) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, parse_message("", "SELECT 1") + sync_message());
    answer(side.client.get(), frame('1', "") + ready('I'));
    backend_ = new_backend();
    attach(*side.client);
    EXPECT_EQ(send(*side.client, bind_message("") + execute_message() + sync_message()),
              parse_message("", "SELECT 1") + bind_message("") + execute_message() + sync_message());
    EXPECT_EQ(types(answer(side.client.get(), frame('1', "") + frame('2', "") + complete("SELECT 1") + ready('I'))),
              "2CZ");
}

TEST_F(Exchange, SkipsToTheSyncAfterAnErrorInAPipeline) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, parse_message("", "SELECT 1/0") + bind_message("") + execute_message() + query_message("SELECT 3") +
                           sync_message() + query_message("SELECT 4"));
    // The server drops everything up to the Sync, the simple query in between as well.
    EXPECT_EQ(types(answer(side.client.get(), frame('1', "") + frame('2', "") + error("22012") + ready('I'))), "12EZ");
    EXPECT_FALSE(backend_->safe_point());
    EXPECT_EQ(types(answer(side.client.get(), row("4") + complete("SELECT 1") + ready('I'))), "DCZ");
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(Exchange, CountsOneReadyForQueryForTwoSyncsAroundACopy) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, parse_message("", "COPY t FROM STDIN") + bind_message("") + execute_message() + sync_message());
    answer(side.client.get(), frame('1', "") + frame('2', "") + frame('G', std::string(3, '\0')));
    send(*side.client, frame('d', "1\n") + frame('c', "") + sync_message());
    answer(side.client.get(), complete("COPY 1") + ready('I'));
    EXPECT_TRUE(cycle_end(*side.client) != CycleEnd::pinned);
}

TEST_F(Exchange, DropsLateCopyDataOfACopyThatFailed) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("COPY t FROM STDIN"));
    answer(side.client.get(), frame('G', std::string(3, '\0')) + error("22P02") + ready('I'));
    EXPECT_EQ(send(*side.client, frame('d', "late") + frame('c', "")), "");
    EXPECT_EQ(turn_.want, ClientWant::more);
}

TEST_F(Exchange, RefusesWhatIsNoMessageOfAClient) {
    for (const auto& bytes : {frame('p', "x"), frame('R', "x"), std::string("Q\0\0\0\3", 5), frame('C', "Xname"),
                              frame('S', "x"), frame('B', "no end"), frame('E', std::string(20'000, 'x'))}) {
        Side side(context_);
        backend_ = new_backend();
        attach(*side.client);
        send(*side.client, bytes);
        EXPECT_EQ(turn_.want, ClientWant::violation) << bytes.substr(0, 1);
        EXPECT_EQ(types(to_client_.text()), "E");
    }
}

TEST_F(Exchange, GivesUpABackendThatSaysWhatItMayNot) {
    for (const auto& bytes : {ready('I'), frame('K', "12345678"), frame('Z', "xx"), frame('?', ""), error("XX000"),
                              std::string("Z\0\0\0\1", 5), frame('1', "x")}) {
        backend_ = new_backend();
        answer(nullptr, bytes);
        EXPECT_TRUE(result_.broken) << bytes.substr(0, 1);
    }
}

TEST_F(Exchange, HidesAFatalErrorUntilItIsKnownWhatTheClientCanGoOnWith) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("SELECT pg_sleep(10)"));
    std::string fatal;
    error_response(fatal, "FATAL", "57P01", "terminating connection due to administrator command");
    EXPECT_EQ(answer(side.client.get(), fatal), "");
    EXPECT_TRUE(result_.broken);
    to_client_.clear();
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", to_client_), Lost::goes_on);
    EXPECT_EQ(types(to_client_.text()), "EZ");
}

TEST_F(Exchange, EndsAClientWhoseTransactionWasLost) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("BEGIN"));
    answer(side.client.get(), complete("BEGIN") + ready('T'));
    to_client_.clear();
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", to_client_), Lost::close);
    EXPECT_EQ(types(to_client_.text()), "E");
}

TEST_F(Exchange, TellsEveryRequestOfALostPipeline) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("SELECT 1") + parse_message("", "SELECT 2") + sync_message() +
                           parse_message("", "SELECT 3") + bind_message(""));
    to_client_.clear();
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", to_client_), Lost::goes_on);
    EXPECT_EQ(types(to_client_.text()), "EZEZE");
    // The rest of the open batch is skipped, and its Sync answered.
    backend_.reset();
    send(*side.client, execute_message() + sync_message());
    EXPECT_EQ(types(to_client_.text()), "Z");
}

TEST_F(Exchange, AnswersARequestThatWaitsInVain) {
    Side side(context_);
    auto message = query_message("SELECT 1");
    EXPECT_EQ(side.client->refuse_waiting(message, "53300", "no backend", to_client_), message.size());
    EXPECT_EQ(types(to_client_.text()), "EZ");
    to_client_.clear();
    auto parse = parse_message("", "SELECT 1");
    EXPECT_EQ(side.client->cancel_waiting(parse, to_client_), parse.size());
    EXPECT_EQ(types(to_client_.text()), "E");
    backend_.reset();
    send(*side.client, bind_message("") + sync_message());
    EXPECT_EQ(types(to_client_.text()), "Z");
}

TEST_F(Exchange, StreamsARowLargerThanAnyBuffer) {
    Side side(context_);
    attach(*side.client);
    send(*side.client, query_message("SELECT 1"));
    auto big = row(std::string(3'000'000, 'x'));
    std::string got;
    for (std::size_t at = 0; at < big.size(); at += 65536)
        got += answer(side.client.get(), std::string_view(big).substr(at, 65536));
    EXPECT_EQ(got, big);
    EXPECT_EQ(types(answer(side.client.get(), complete("SELECT 1") + ready('I'))), "CZ");
}

} // namespace rekey::protocol::postgres
