#include "protocol/common/bytes.hpp"
#include "protocol/postgres/backend_handshake.hpp"
#include "protocol/postgres/messages.hpp"
#include "proxy/admin/console_session.hpp"
#include "tests/unit/proxy/admin/control_plane_fake.hpp"

#include <gtest/gtest.h>

namespace rekey::proxy::admin {
namespace {

namespace postgres = protocol::postgres;

constexpr std::string_view token = "token-1";

struct Frame {
    char type;
    std::string body;
};

std::vector<Frame> frames_of(std::string_view bytes) {
    std::vector<Frame> frames;
    while (bytes.size() >= 5) {
        auto length = protocol::load_u32(bytes.data() + 1);
        EXPECT_LE(length + 1, bytes.size());
        frames.push_back({bytes[0], std::string(bytes.substr(5, length - 4))});
        bytes.remove_prefix(std::min<std::size_t>(length + 1, bytes.size()));
    }
    EXPECT_TRUE(bytes.empty());
    return frames;
}

std::string types_of(const std::vector<Frame>& frames) {
    std::string types;
    for (auto& frame : frames)
        types += frame.type;
    return types;
}

std::string framed(char type, std::string_view body) {
    std::string out;
    protocol::Writer(out)
        .u8(static_cast<std::uint8_t>(type))
        .u32(static_cast<std::uint32_t>(body.size() + 4))
        .bytes(body);
    return out;
}

class ConsoleSessionTest : public testing::Test {
  protected:
    ConsoleSessionTest() {
        access.verifier = protocol::auth::scram_verifier(token, "0123456789abcdef", 1);
        access.mock_secret = std::string(32, 'm');
        control.report = busy_report();
        control.replies["orders-app"] = {rotation::RotationOutcome::done, "", 4, ""};
        session = std::make_shared<ConsoleSession>(control, access, [this] { ++outputs_ready; });
    }

    // Both machines against each other until one has ended.
    postgres::BackendHandshake::Step log_in(std::string_view password, const std::string& user = "rekey",
                                            protocol::TlsWish tls = protocol::TlsWish::none) {
        secret = protocol::Secret(password);
        postgres::BackendHandshakeOptions options;
        options.user = user;
        options.database = "rekey";
        options.password = &secret;
        options.tls = tls;
        postgres::BackendHandshake client(options);
        std::string from_session;
        for (int round = 0; round < 50; ++round) {
            std::size_t consumed = 0;
            auto step = client.next(from_session, consumed);
            from_session.erase(0, consumed);
            session->receive(client.take_output());
            from_session += session->take_output();
            using Step = postgres::BackendHandshake::Step;
            if (step == Step::derive)
                client.derived(protocol::auth::scram_keys(password, client.derive_request().salt,
                                                          client.derive_request().iterations));
            if (step == Step::done || step == Step::failed) {
                login = client.result();
                return step;
            }
        }
        ADD_FAILURE() << "the login did not end";
        return postgres::BackendHandshake::Step::failed;
    }

    std::vector<Frame> send(std::string_view bytes) {
        session->receive(bytes);
        return frames_of(session->take_output());
    }
    std::vector<Frame> query(std::string_view text) {
        std::string out;
        postgres::query(out, text);
        return send(out);
    }

    FakeControlPlane control;
    ConsoleAccess access;
    std::shared_ptr<ConsoleSession> session;
    protocol::Secret secret;
    postgres::BackendLogin login;
    int outputs_ready = 0;
};

TEST_F(ConsoleSessionTest, LetsWhoeverHoldsTheTokenIn) {
    EXPECT_EQ(log_in(token, "anybody"), postgres::BackendHandshake::Step::done);
    EXPECT_TRUE(session->logged_in());
    EXPECT_EQ(login.parameters.front().first, "server_version");
    EXPECT_TRUE(login.parameters.front().second.ends_with("/rekey"));
}

TEST_F(ConsoleSessionTest, RefusesAnotherPassword) {
    EXPECT_EQ(log_in("token-2"), postgres::BackendHandshake::Step::failed);
    EXPECT_FALSE(session->logged_in());
    EXPECT_TRUE(session->closing());
}

TEST_F(ConsoleSessionTest, OffersNoTls) {
    std::string request;
    postgres::ssl_request(request);
    session->receive(request);
    EXPECT_EQ(session->take_output(), "N");
    EXPECT_EQ(log_in(token), postgres::BackendHandshake::Step::done);
}

TEST_F(ConsoleSessionTest, LetsClientsThatWouldPreferTlsIn) {
    EXPECT_EQ(log_in(token, "rekey", protocol::TlsWish::prefer), postgres::BackendHandshake::Step::done);
}

TEST_F(ConsoleSessionTest, AnswersShowWithTypedColumns) {
    log_in(token);
    auto frames = query("SHOW POOLS");
    EXPECT_EQ(types_of(frames), "TDCZ");
    protocol::Reader reader(frames[0].body);
    auto columns = reader.u16();
    ASSERT_EQ(columns, 13);
    std::map<std::string, std::uint32_t> types;
    for (int i = 0; i < columns; ++i) {
        auto name = std::string(reader.text());
        reader.u32();
        reader.u16();
        types[name] = reader.u32();
        reader.u16();
        reader.u32();
        EXPECT_EQ(reader.u16(), 0);
    }
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(types["upstream"], 25U);
    EXPECT_EQ(types["cl_waiting"], 20U);
    EXPECT_EQ(postgres::read_command_complete(frames[2].body), "SHOW");
    EXPECT_EQ(frames[3].body, "I");
    std::vector<std::optional<std::string_view>> row;
    ASSERT_TRUE(postgres::read_data_row(frames[1].body, row));
    ASSERT_EQ(row.size(), 13U);
    EXPECT_EQ(row[0], "orders");
    EXPECT_EQ(row[4], "2");
    EXPECT_EQ(row[9], "1");
    EXPECT_EQ(row[10], "250000");
    EXPECT_EQ(row[12], std::nullopt);
}

TEST_F(ConsoleSessionTest, EveryShowHasAsManyValuesAsColumns) {
    log_in(token);
    for (std::string_view what :
         {"POOLS", "CLIENTS", "SERVERS", "CREDENTIALS", "ROTATIONS", "WHY", "STATS", "VERSION", "HELP", "CONFIG"}) {
        auto frames = query("SHOW " + std::string(what));
        ASSERT_GE(frames.size(), 4U) << what;
        EXPECT_EQ(frames.front().type, 'T');
        protocol::Reader reader(frames[0].body);
        auto columns = reader.u16();
        for (auto& frame : frames) {
            std::vector<std::optional<std::string_view>> row;
            if (frame.type != 'D')
                continue;
            ASSERT_TRUE(postgres::read_data_row(frame.body, row)) << what;
            EXPECT_EQ(row.size(), columns) << what;
        }
    }
}

TEST_F(ConsoleSessionTest, ShowsWhyASessionIsPinned) {
    log_in(token);
    std::vector<std::optional<std::string_view>> row;
    auto frames = query("SHOW WHY");
    ASSERT_TRUE(postgres::read_data_row(frames.at(1).body, row));
    EXPECT_EQ(row[5], "listen");
    EXPECT_EQ(row[8], "UNLISTEN *");
    EXPECT_EQ(row[9], "3");
}

TEST_F(ConsoleSessionTest, RunsSeveralStatementsOfAQuery) {
    log_in(token);
    EXPECT_EQ(types_of(query("SHOW VERSION; SHOW WHY;")), "TDCTDCZ");
    EXPECT_EQ(types_of(query("")), "IZ");
    EXPECT_EQ(types_of(query("; ;")), "IZ");
}

TEST_F(ConsoleSessionTest, AnErrorEndsTheQuery) {
    log_in(token);
    auto frames = query("SHOW VERSION; SHOW TABLES; SHOW WHY");
    EXPECT_EQ(types_of(frames), "TDCEZ");
    EXPECT_EQ(postgres::read_error_fields(frames[3].body).sqlstate, "42601");
    EXPECT_EQ(types_of(query("SHOW VERSION")), "TDCZ");
}

TEST_F(ConsoleSessionTest, LimitsTheStatementsOfAQuery) {
    log_in(token);
    std::string many;
    for (std::size_t i = 0; i <= ConsoleSession::statements_max; ++i)
        many += "SHOW VERSION;";
    auto frames = query(many);
    EXPECT_EQ(types_of(frames), "EZ");
    EXPECT_EQ(postgres::read_error_fields(frames[0].body).sqlstate, "54001");
}

TEST_F(ConsoleSessionTest, StartsARotationWithoutWaiting) {
    log_in(token);
    control.hold = true;
    EXPECT_EQ(types_of(query("ROTATE orders-app")), "NCZ");
    EXPECT_EQ(control.rotated, std::vector<std::string>{"orders-app"});
}

TEST_F(ConsoleSessionTest, WaitsForARotationAndReadsOnAfterwards) {
    log_in(token);
    control.hold = true;
    EXPECT_TRUE(query("ROTATE orders-app WAIT").empty());
    EXPECT_TRUE(session->busy());
    std::string next;
    postgres::query(next, "SHOW VERSION");
    EXPECT_TRUE(send(next).empty()) << "one statement at a time";
    control.release();
    EXPECT_EQ(outputs_ready, 1);
    EXPECT_FALSE(session->busy());
    EXPECT_EQ(types_of(frames_of(session->take_output())), "TDCZTDCZ");
}

TEST_F(ConsoleSessionTest, ARotationThatDidNotEndWellIsAnError) {
    log_in(token);
    control.replies["orders-app"] = {rotation::RotationOutcome::held, "the server refused it", 3, ""};
    auto frames = query("ROTATE orders-app WAIT");
    EXPECT_EQ(types_of(frames), "EZ");
    EXPECT_EQ(postgres::read_error_fields(frames[0].body).message, "rotation held: the server refused it");
}

TEST_F(ConsoleSessionTest, ShowsThePlanOfADryRunLineByLine) {
    log_in(token);
    control.replies["orders-app"].plan = "fetch\nverify\nreplace 3\n";
    EXPECT_EQ(types_of(query("ROTATE orders-app DRY RUN")), "TDDDCZ");
    EXPECT_TRUE(control.last_request.dry_run);
}

TEST_F(ConsoleSessionTest, NamesACredentialItDoesNotKnow) {
    log_in(token);
    auto frames = query("ROTATE other");
    EXPECT_EQ(postgres::read_error_fields(frames.at(0).body).sqlstate, "42704");
}

TEST_F(ConsoleSessionTest, TellsWhatAReloadDid) {
    log_in(token);
    control.reload_reply = {{}, {"a", "b"}, {"workers"}};
    EXPECT_EQ(types_of(query("RELOAD")), "NNNCZ");
    control.reload_reply = {{"rekey.yaml:3: bad"}, {}, {}};
    auto frames = query("RELOAD");
    EXPECT_EQ(types_of(frames), "EZ");
    EXPECT_EQ(postgres::read_error_fields(frames[0].body).message, "rekey.yaml:3: bad");
}

TEST_F(ConsoleSessionTest, RefusesTheExtendedProtocolOnceUntilSync) {
    log_in(token);
    std::string out;
    postgres::parse(out, "", "SHOW POOLS");
    out += framed('B', std::string_view("\0\0\0\0\0\0\0\0", 8)) + framed('E', std::string_view("\0\0\0\0\0", 5));
    EXPECT_EQ(types_of(send(out)), "E");
    out.clear();
    postgres::sync(out);
    EXPECT_EQ(types_of(send(out)), "Z");
    EXPECT_EQ(types_of(query("SHOW VERSION")), "TDCZ");
}

TEST_F(ConsoleSessionTest, EndsOnTerminate) {
    log_in(token);
    std::string out;
    postgres::terminate(out);
    EXPECT_TRUE(send(out).empty());
    EXPECT_TRUE(session->closing());
}

TEST_F(ConsoleSessionTest, EndsOnWhatIsNotTheProtocol) {
    for (const std::string& bytes :
         {framed('?', ""), std::string("Q\0\0\0\3", 5), std::string("Q\x7f\0\0\0", 5), framed('Q', "no end"),
          framed('Q', std::string_view("a\0b\0", 4)), framed('Q', "")}) {
        session = std::make_shared<ConsoleSession>(control, access, [] {});
        log_in(token);
        auto frames = send(bytes);
        ASSERT_EQ(types_of(frames), "E");
        EXPECT_EQ(postgres::read_error_fields(frames[0].body).sqlstate, "08P01");
        EXPECT_TRUE(session->closing());
    }
}

TEST_F(ConsoleSessionTest, ReadsByteByByte) {
    log_in(token);
    std::string out;
    postgres::query(out, "SHOW VERSION");
    std::string answer;
    for (char byte : out) {
        session->receive({&byte, 1});
        answer += session->take_output();
    }
    EXPECT_EQ(types_of(frames_of(answer)), "TDCZ");
}

TEST_F(ConsoleSessionTest, SaysNothingMoreAfterItsConnectionIsGone) {
    log_in(token);
    control.hold = true;
    query("ROTATE orders-app WAIT");
    session->disconnect();
    session.reset();
    control.release();
    EXPECT_EQ(outputs_ready, 0);
}

} // namespace
} // namespace rekey::proxy::admin
