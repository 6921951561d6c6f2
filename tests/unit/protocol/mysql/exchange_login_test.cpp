// COM_CHANGE_USER as the exchange sees it: the session ends, then the driver is asked for another login.
#include "tests/unit/protocol/mysql/exchange_fixture.hpp"

namespace rekey::protocol::mysql {

namespace {

std::string change_user(std::string_view user = "other") {
    std::string bytes;
    write_change_user(bytes, capability::plugin_auth, {user, "some answer", "shops", 45, "mysql_native_password", ""});
    return bytes;
}

std::string fields_of(const std::string& change) {
    return change.substr(packet_header_size + 1);
}

} // namespace

using MysqlLoginAnew = MysqlExchangeTest;

TEST_F(MysqlLoginAnew, IsWantedAtOnceByASessionWithoutABackend) {
    Side side(context_);
    backend_.reset();
    auto change = change_user();
    EXPECT_EQ(send(side, change + "behind"), "");
    EXPECT_EQ(told(), "");
    EXPECT_EQ(turn_.want, ClientWant::more);
    EXPECT_EQ(turn_.consumed, change.size());
    ASSERT_TRUE(side.client->login_wanted());
    EXPECT_EQ(side.client->login_fields(), fields_of(change));
    EXPECT_EQ(side.client->take_ahead(), "");
    send(side, query("SELECT 1"));
    EXPECT_EQ(turn_.consumed, 0u);
    EXPECT_EQ(turn_.want, ClientWant::more);
}

TEST_F(MysqlLoginAnew, WaitsForTheWholeRequest) {
    Side side(context_);
    backend_.reset();
    auto change = change_user();
    for (std::size_t size = 0; size < change.size(); ++size) {
        send(side, change.substr(0, size));
        EXPECT_EQ(turn_.consumed, 0u);
        EXPECT_FALSE(side.client->login_wanted());
    }
    send(side, change);
    EXPECT_TRUE(side.client->login_wanted());
}

TEST_F(MysqlLoginAnew, ComesAfterTheBackendIsReset) {
    Side side(context_);
    attach(side);
    Reply open;
    open.status |= status::in_transaction;
    run(side, "SET @x = 1");
    run(side, "BEGIN", open);
    auto change = change_user();
    EXPECT_EQ(send(side, change), command(Command::reset_connection));
    EXPECT_EQ(turn_.consumed, change.size());
    EXPECT_FALSE(side.client->login_wanted());
    EXPECT_FALSE(backend_->safe_point());
    send(side, query("SELECT 1"));
    EXPECT_EQ(asked(), "");
    EXPECT_EQ(answer(&side, ok(1)), "");
    EXPECT_EQ(asked(), "");
    ASSERT_TRUE(side.client->login_wanted());
    EXPECT_EQ(side.client->login_fields(), fields_of(change));
    EXPECT_EQ(side.client->take_ahead(), query("SELECT 1"));
    EXPECT_EQ(side.client->take_ahead(), "");

    to_backend_.clear();
    EXPECT_TRUE(backend_->client_gone(*side.client, false, to_backend_));
    EXPECT_EQ(asked(), ""); // once is enough
    EXPECT_TRUE(backend_->safe_point());
    Side next(context_, modern, Multiplexing::automatic, 2);
    EXPECT_EQ(attach(next).size(), 1u); // tracking, which the reset has ended
}

TEST_F(MysqlLoginAnew, ComesAfterTheRepliesToWhatWasSentBefore) {
    Side side(context_);
    attach(side);
    auto change = change_user();
    EXPECT_EQ(send(side, query("SELECT 1") + change + query("SELECT 2")), query("SELECT 1"));
    EXPECT_EQ(turn_.consumed, sent_.size());
    EXPECT_EQ(answer(&side, result({"1"})), result({"1"}));
    EXPECT_EQ(asked(), command(Command::reset_connection));
    EXPECT_EQ(answer(&side, ok(1)), "");
    ASSERT_TRUE(side.client->login_wanted());
    EXPECT_EQ(side.client->take_ahead(), query("SELECT 2"));
}

TEST_F(MysqlLoginAnew, ResetsAlsoInSessionModeOnceOnly) {
    Side side(context_, modern, Multiplexing::session);
    attach(side);
    run(side, "SELECT 1");
    EXPECT_EQ(send(side, change_user()), command(Command::reset_connection));
    answer(&side, ok(1));
    EXPECT_TRUE(side.client->login_wanted());
    to_backend_.clear();
    EXPECT_TRUE(backend_->client_gone(*side.client, false, to_backend_));
    EXPECT_EQ(asked(), "");
}

TEST_F(MysqlLoginAnew, IsWantedAlsoWhereTheBackendIsLostMeanwhile) {
    Side side(context_);
    attach(side);
    run(side, "CREATE TEMPORARY TABLE t (n INT)");
    send(side, change_user() + query("SELECT 1"));
    Output out;
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", out), Lost::goes_on);
    EXPECT_EQ(out.text(), "");
    ASSERT_TRUE(side.client->login_wanted());
    EXPECT_EQ(side.client->take_ahead(), query("SELECT 1"));
}

TEST_F(MysqlLoginAnew, IsWantedAlsoWhereTheServerRefusesToReset) {
    Side side(context_);
    attach(side);
    run(side, "SET @x = 1");
    send(side, change_user());
    answer(&side, err(1));
    EXPECT_TRUE(result_.broken);
    Output out;
    EXPECT_EQ(backend_->lost(*side.client, "57P01", "gone", out), Lost::goes_on);
    EXPECT_EQ(out.text(), "");
    EXPECT_TRUE(side.client->login_wanted());
}

TEST_F(MysqlLoginAnew, IsAnsweredByAFarewellInItsTurn) {
    Side side(context_);
    backend_.reset();
    send(side, change_user());
    Output out;
    side.client->farewell("57P01", "bye", out);
    EXPECT_EQ(out.text()[3], '\1');
}

TEST_F(MysqlLoginAnew, IsRefusedWhereTheRequestIsTooLong) {
    Side side(context_);
    attach(side);
    auto change = command(Command::change_user, std::string(128 * 1024, 'x'));
    EXPECT_EQ(send(side, change), "");
    EXPECT_EQ(load_le16(told().data() + packet_header_size + 1), 1153);
    EXPECT_FALSE(side.client->login_wanted());
    EXPECT_EQ(send(side, query("SELECT 1")), query("SELECT 1"));
}

TEST_F(MysqlLoginAnew, IsAskedForWithTheNonceOfTheLoginBefore) {
    MysqlClient::Options options;
    options.context = &context_;
    options.id = 7;
    options.nonce = "abcdefghijklmnopqrst";
    MysqlClient client(std::move(options));
    EXPECT_EQ(client.nonce(), "abcdefghijklmnopqrst");
}

} // namespace rekey::protocol::mysql
