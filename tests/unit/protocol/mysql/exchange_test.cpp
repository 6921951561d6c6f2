// The exchange's accounting: every reply reaches the client in its dialect, and the backend is free exactly when
// nothing is owed. Scripts of bytes on either side.
#include "tests/unit/protocol/mysql/exchange_fixture.hpp"

namespace rekey::protocol::mysql {

using MysqlExchange = MysqlExchangeTest;

TEST_F(MysqlExchange, SwitchesTrackingOnAndReplaysTheSettingsOnAFreshBackend) {
    Side side(context_, modern, Multiplexing::automatic, 1, startup_state(context_.states, "shop", 45));
    auto asked = attach(side);
    ASSERT_EQ(asked.size(), 3u);
    EXPECT_NE(asked[0].find("session_track_system_variables = '*'"), std::string::npos);
    EXPECT_EQ(asked[1], "shop");
    EXPECT_EQ(asked[2], "SET character_set_client = 45, character_set_results = 45, collation_connection = 45");
    EXPECT_TRUE(backend_->safe_point());
    Side next(context_, modern, Multiplexing::automatic, 2, startup_state(context_.states, "shop", 45));
    EXPECT_TRUE(attach(next).empty());
}

TEST_F(MysqlExchange, ForwardsAQueryUntouchedAndIsFreeAfterTheLastPacket) {
    Side side(context_);
    attach(side);
    auto message = query("SELECT 1");
    EXPECT_EQ(send(side, message), message);
    EXPECT_FALSE(backend_->safe_point());
    auto reply = result({"1", "2"});
    EXPECT_EQ(answer(&side, reply), reply);
    EXPECT_TRUE(backend_->safe_point());
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlExchange, ForwardsAWholeResultAsOneSlice) {
    Side side(context_);
    attach(side);
    send(side, query("SELECT 1"));
    answer(&side, result({"1", "2", "3", "4"}));
    EXPECT_EQ(to_client_.count(), 1u);
}

TEST_F(MysqlExchange, AsksForABackendBeforeItConsumesTheCommand) {
    Side side(context_);
    backend_.reset();
    EXPECT_EQ(send(side, query("SELECT 1")), "");
    EXPECT_EQ(turn_.consumed, 0u);
    EXPECT_EQ(turn_.want, ClientWant::backend);
}

TEST_F(MysqlExchange, TranslatesResultsForClientsWithoutDeprecateEof) {
    Side side(context_, old);
    attach(side);
    send(side, query("SELECT 1"));
    EXPECT_EQ(answer(&side, result({"1", "2"})), old_result({"1", "2"}));
    send(side, query("SELECT 1"));
    EXPECT_EQ(answer(&side, result({})), old_result({}));
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlExchange, RenumbersAllResultsOfAText) {
    Side side(context_, old);
    attach(side);
    send(side, query("SELECT 1; SELECT 2"));
    Reply more;
    more.status |= status::more_results;
    auto told = answer(&side, result({"1"}, more) + result({"2"}, {}, 5) + "");
    std::string sequences;
    for (std::string_view rest = told; rest.size() >= packet_header_size;) {
        auto header = read_packet_header(rest.data());
        sequences += static_cast<char>('0' + header.sequence);
        rest.remove_prefix(packet_header_size + header.size);
    }
    EXPECT_EQ(sequences, "123456789:");
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlExchange, TellsAnErrorAmongRowsInItsPlace) {
    Side side(context_, old);
    attach(side);
    send(side, query("SELECT 1"));
    auto reply = packet(1, "\x01") + packet(2, "column") + packet(3, lenenc("1")) + err(4);
    EXPECT_EQ(answer(&side, reply), packet(1, "\x01") + packet(2, "column") + eof(3) + packet(4, lenenc("1")) + err(5));
    send(side, query("SELECT 1"));
    EXPECT_EQ(answer(&side, packet(1, "\x01") + packet(2, "column") + err(3)),
              packet(1, "\x01") + packet(2, "column") + eof(3) + err(4));
}

TEST_F(MysqlExchange, KeepsTrackersFromClientsThatDidNotAsk) {
    Side side(context_, old);
    attach(side);
    send(side, query("SET autocommit = 0"));
    Reply reply;
    reply.changes = changed("autocommit", "OFF") + changed("statement_id", "9");
    reply.status = 0;
    reply.affected = 3;
    reply.info = "three";
    Reply plain = reply;
    plain.changes.clear();
    EXPECT_EQ(answer(&side, ok(1, reply)), ok(1, plain));
}

TEST_F(MysqlExchange, TellsClientsThatTrackWhatServersTellByDefault) {
    Side side(context_);
    attach(side);
    send(side, query("SET autocommit = 0, sql_mode = 'ANSI'"));
    Reply reply, expected;
    reply.changes = changed("autocommit", "OFF") + changed("sql_mode", "ANSI") + changed("redirect_url", "x") +
                    changed(SessionChangeType::schema, "d");
    expected.changes = changed("autocommit", "OFF") + changed(SessionChangeType::schema, "d");
    EXPECT_EQ(answer(&side, ok(1, reply)), ok(1, expected));
}

TEST_F(MysqlExchange, GivesTheSameBytesHoweverTheInputIsChunked) {
    auto sent = query("SELECT 1") + command(Command::stmt_prepare, "SELECT ?") + command(Command::ping) +
                query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t");
    std::vector<std::string> replies{result({"1", std::string(300, 'x')}), prepared(5, 1, 1), ok(1)};
    for (auto capabilities : {modern, old}) {
        std::string client_whole, backend_whole;
        for (std::size_t chunk : {std::size_t{10000}, std::size_t{1}, std::size_t{3}, std::size_t{7}}) {
            ExchangeContext context;
            Side side(context, capabilities);
            MysqlBackend::Options options;
            options.context = &context;
            options.capabilities = backend_capabilities;
            options.schema = "app";
            MysqlBackend backend(std::move(options));
            Output out_backend, out_client;
            std::string to_backend, to_client;
            auto feed = [&](std::string input, bool from_client) {
                std::string rest;
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
            backend.attach(*side.client, out_backend);
            auto owed = commands(out_backend.text()).size();
            out_backend.clear();
            for (std::size_t i = 0; i < owed; ++i)
                feed(ok(1), false);
            feed(sent, true); // all but the first waits in the queue
            for (const auto& reply : replies)
                feed(reply, false);
            feed(packet(1, "\xfb"
                           "f"),
                 false);
            feed(packet(2, "data") + packet(3, ""), true);
            feed(ok(4), false);
            EXPECT_TRUE(backend.safe_point());
            if (client_whole.empty()) {
                client_whole = to_client;
                backend_whole = to_backend;
            }
            EXPECT_EQ(to_client, client_whole) << chunk;
            EXPECT_EQ(to_backend, backend_whole) << chunk;
        }
        EXPECT_EQ(backend_whole, sent + packet(2, "data") + packet(3, ""));
    }
}

TEST_F(MysqlExchange, SendsOneCommandAtATime) {
    Side side(context_);
    attach(side);
    auto first = query("SELECT 1"), second = query("SELECT 2");
    EXPECT_EQ(send(side, first + second), first);
    EXPECT_EQ(turn_.consumed, first.size() + second.size());
    EXPECT_EQ(answer(&side, result({"1"})), result({"1"}));
    EXPECT_EQ(asked(), second);
    EXPECT_FALSE(backend_->safe_point());
    answer(&side, result({"2"}));
    EXPECT_EQ(cycle_end(side), CycleEnd::release);
}

TEST_F(MysqlExchange, IsNotFreeInATransaction) {
    Side side(context_);
    attach(side);
    Reply open;
    open.status |= status::in_transaction;
    run(side, "BEGIN", open);
    EXPECT_FALSE(backend_->safe_point());
    EXPECT_TRUE(backend_->in_transaction());
    run(side, "COMMIT");
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlExchange, TakesAFailureWithAutocommitOffForATransaction) {
    Side side(context_);
    attach(side);
    Reply reply;
    reply.status = 0;
    reply.changes = changed("autocommit", "OFF");
    run(side, "SET autocommit = 0", reply);
    EXPECT_TRUE(backend_->safe_point());
    send(side, query("INSERT INTO t VALUES (1)"));
    answer(&side, err(1, 1062, "23000"));
    EXPECT_FALSE(backend_->safe_point());
    reply.changes.clear();
    run(side, "ROLLBACK", reply);
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlExchange, AnswersAPingWithoutABackendAndForwardsItWithOne) {
    Side side(context_);
    attach(side);
    EXPECT_EQ(send(side, command(Command::ping)), command(Command::ping));
    EXPECT_EQ(answer(&side, ok(1)), ok(1));
    backend_.reset();
    send(side, command(Command::ping));
    EXPECT_EQ(told(), ok(1));
}

TEST_F(MysqlExchange, PassesEveryOtherCommandAndItsReply) {
    Side side(context_, old);
    attach(side);
    auto list = command(Command::field_list, std::string("t\0", 2));
    EXPECT_EQ(send(side, list), list);
    EXPECT_EQ(answer(&side, packet(1, "column") + end_of_rows(2)), packet(1, "column") + eof(2));
    EXPECT_EQ(send(side, command(Command::statistics)), command(Command::statistics));
    EXPECT_EQ(answer(&side, packet(1, "Uptime: 1")), packet(1, "Uptime: 1"));
    auto option = command(Command::set_option, std::string(2, '\0'));
    EXPECT_EQ(send(side, option), option);
    EXPECT_EQ(answer(&side, end_of_rows(1)), eof(1));
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlExchange, RefusesCommandsItDoesNotKnow) {
    Side side(context_);
    attach(side);
    for (auto number : {Command::binlog_dump, Command::register_slave, Command::shutdown, Command{0x77}}) {
        EXPECT_EQ(send(side, command(number, "x")), "");
        auto error = read_err(std::string_view(told()).substr(packet_header_size));
        EXPECT_EQ(told()[packet_header_size], '\xff');
        EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1047);
        EXPECT_TRUE(error);
    }
    send(side, command(Command::quit));
    EXPECT_EQ(turn_.want, ClientWant::terminate);
}

TEST_F(MysqlExchange, EndsASessionWhosePacketsAreOutOfOrder) {
    Side side(context_);
    attach(side);
    send(side, packet(1, "\x03SELECT 1"));
    EXPECT_EQ(turn_.want, ClientWant::violation);
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1156);
}

TEST_F(MysqlExchange, StreamsMessagesOfSeveralPackets) {
    Side side(context_, old);
    attach(side);
    std::string text = "SELECT '" + std::string(packet_payload_max, 'x') + "'";
    auto message = query(text);
    std::string sent;
    for (std::size_t at = 0; at < message.size(); at += 1 << 20)
        sent += send(side, message.substr(at, 1 << 20));
    EXPECT_EQ(sent, message);
    std::string row = "\xfd\xff\xff\xff" + std::string(packet_payload_max, 'y');
    std::string rows;
    PacketWriter(rows, 4).bytes(row).end(); // two packets: 4 and 5
    auto reply = packet(2, "\x01") + packet(3, "column") + rows + end_of_rows(6);
    auto got = answer(&side, reply);
    EXPECT_EQ(got.size(), reply.size() - 2 + eof(0).size());
    EXPECT_EQ(got.substr(got.size() - eof(7).size()), eof(7));
    EXPECT_TRUE(backend_->safe_point());
}

TEST_F(MysqlExchange, ServesALocalFileAndRefusesAnUnwantedRequest) {
    Side side(context_, old);
    attach(side);
    send(side, query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t"));
    EXPECT_EQ(answer(&side, packet(1, "\xfb"
                                      "f")),
              packet(1, "\xfb"
                        "f"));
    EXPECT_EQ(send(side, packet(2, "some")), packet(2, "some"));
    EXPECT_EQ(send(side, packet(3, "")), packet(3, ""));
    EXPECT_EQ(answer(&side, ok(4)), ok(4));
    EXPECT_TRUE(backend_->safe_point());
    Side careful(context_, capability::protocol_41, Multiplexing::automatic, 2);
    attach(careful);
    send(careful, query("SELECT 1"));
    answer(&careful, packet(1, "\xfb/etc/passwd"));
    EXPECT_TRUE(result_.broken);
    EXPECT_EQ(told(), "");
}

TEST_F(MysqlExchange, ShowsNoClientWhatAnIdleServerSays) {
    answer(nullptr, err(0, 4031, "HY000"));
    EXPECT_TRUE(result_.broken);
    EXPECT_EQ(backend_->error_code(), 4031);
    EXPECT_EQ(told(), "");
}

TEST_F(MysqlExchange, ClosesABackendThatMakesNoSense) {
    for (const auto& reply : {packet(1, std::string("\xfc\0", 2)), packet(1, ""), packet(1, std::string(20, '\x05')),
                              packet(1, std::string("\0\1", 2))}) {
        Side side(context_);
        backend_ = new_backend();
        attach(side);
        send(side, query("SELECT 1"));
        answer(&side, reply);
        EXPECT_TRUE(result_.broken);
    }
}

} // namespace rekey::protocol::mysql
