#include "protocol/auth/md5.hpp"
#include "protocol/auth/scram_client.hpp"
#include "protocol/postgres/client_handshake.hpp"
#include "tests/unit/protocol/postgres_handshake/client_scripts.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::postgres {
namespace {

using namespace std::string_literals;
using Step = ClientHandshake::Step;

// --- which method ---

// Up to the authentication request; what the machine wrote is left in it.
void begin(ClientHandshake& machine, std::optional<UserRecord> user, TlsFacts facts = {}) {
    Feed feed(machine);
    if (feed(facts.alpn.empty() ? login : ssl) == Step::start_tls) {
        machine.take_output();
        machine.tls_established(std::move(facts));
        feed(login);
    }
    machine.user_found(std::move(user));
}

TlsFacts facts(std::string_view certificate_cn = {}) {
    return {hash, "postgresql", std::string(certificate_cn)};
}

std::string request(std::optional<UserRecord> user, TlsFacts tls_facts = {}) {
    ClientHandshake machine(tls_options());
    begin(machine, std::move(user), std::move(tls_facts));
    return machine.take_output();
}

const std::string scram_only = authentication(10, text({"SCRAM-SHA-256"}) + "\0"s);
const std::string scram_and_plus = authentication(10, text({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}) + "\0"s);

TEST(ClientHandshake, OffersPlusWhereItCanBind) {
    EXPECT_EQ(request(record()), scram_only);
    EXPECT_EQ(request(record(), facts()), scram_and_plus);
    auto without_hash = facts();
    without_hash.end_point_hash.clear();
    EXPECT_EQ(request(record(), without_hash), scram_only);
}

TEST(ClientHandshake, AsksUnknownUsersTheSame) {
    EXPECT_EQ(request(std::nullopt), scram_only);
    EXPECT_EQ(request(std::nullopt, facts()), scram_and_plus);
    auto unwelcome = record();
    unwelcome.may_connect = false;
    EXPECT_EQ(request(std::move(unwelcome)), scram_only);
    auto nothing = UserRecord{};
    EXPECT_EQ(request(std::move(nothing)), scram_only);
    auto unwelcome_md5 = md5_record();
    unwelcome_md5.may_connect = false;
    EXPECT_EQ(request(std::move(unwelcome_md5)), scram_only);
}

TEST(ClientHandshake, TakesTheCertificateOfTheUser) {
    for (bool scram_too : {false, true}) {
        auto user = record();
        user.allow_cert = true;
        user.allow_scram = scram_too;
        ClientHandshake machine(tls_options());
        begin(machine, std::move(user), facts("app"));
        EXPECT_EQ(fed(machine, ""), Step::authenticated);
        EXPECT_EQ(machine.method(), "cert");
        EXPECT_EQ(machine.take_output(), "");
    }
}

TEST(ClientHandshake, TakesNobodyElsesCertificate) {
    for (auto name : {"", "App", "app2", "ap"}) {
        auto user = record();
        user.allow_cert = true;
        EXPECT_EQ(request(std::move(user), facts(name)), scram_and_plus);
    }
    EXPECT_EQ(request(record(), facts("app")), scram_and_plus); // not allowed for this user
    auto unwelcome = record();
    unwelcome.allow_cert = true;
    unwelcome.may_connect = false;
    EXPECT_EQ(request(std::move(unwelcome), facts("app")), scram_and_plus);
    EXPECT_EQ(request(std::nullopt, facts("app")), scram_and_plus);
}

// --- md5 ---

TEST(ClientHandshake, TakesMd5WhereTheRecordAllowsIt) {
    ClientHandshake machine(options());
    begin(machine, md5_record());
    auto all = frames(machine.take_output());
    ASSERT_EQ(all.size(), 1u);
    ASSERT_EQ(all[0].body.size(), 8u);
    auto salt = all[0].body.substr(4);
    std::string answer;
    password_message(answer, auth::md5_response(auth::md5_stored("pencil", "app"), salt));
    EXPECT_EQ(Feed(machine, true)(answer), Step::authenticated);
    EXPECT_EQ(machine.method(), "md5");
    EXPECT_EQ(machine.take_output(), "");
}

TEST(ClientHandshake, RefusesAWrongMd5Answer) {
    for (const auto& answer : {"md5"s + std::string(32, '0'), ""s, "pencil"s, std::string(1000, 'x')}) {
        ClientHandshake machine(options());
        begin(machine, md5_record());
        machine.take_output();
        std::string bytes;
        password_message(bytes, answer);
        EXPECT_EQ(fed(machine, bytes), Step::failed);
        auto [failure, error, output] = failed(machine);
        EXPECT_EQ(failure, ClientFailure::authentication_failed);
        EXPECT_EQ(error.sqlstate, "28P01");
    }
}

TEST(ClientHandshake, RefusesAMalformedMd5Answer) {
    for (const auto& body : {""s, "no end"s, "two\0ends\0"s}) {
        ClientHandshake machine(options());
        begin(machine, md5_record());
        machine.take_output();
        EXPECT_EQ(fed(machine, message('p', body)), Step::failed);
        EXPECT_EQ(failed(machine).error.sqlstate, "08P01");
    }
}

TEST(ClientHandshake, ChallengesWithAFreshSalt) {
    EXPECT_NE(request(md5_record()), request(md5_record()));
}

// --- SCRAM ---

// Plays the client's part with `password`; the last step and what was written in it.
std::pair<Step, std::string> play_scram(ClientHandshake& machine, std::string_view password, bool byte_by_byte = false,
                                        auth::ScramBinding binding = auth::ScramBinding::none) {
    Feed feed(machine, byte_by_byte);
    machine.take_output();
    auth::ScramClient client(binding, hash, auth::scram_nonce());
    auto mechanism = binding == auth::ScramBinding::end_point ? auth::scram_sha_256_plus : auth::scram_sha_256;
    std::string bytes;
    sasl_initial_response(bytes, mechanism, client.first());
    EXPECT_EQ(feed(bytes), Step::need_input);
    auto all = frames(machine.take_output());
    EXPECT_EQ(all.size(), 1u);
    EXPECT_TRUE(client.server_first(all.at(0).body.substr(4), 10));
    bytes.clear();
    sasl_response(bytes, client.final(auth::scram_keys(password, client.salt(), client.iterations())));
    auto step = feed(bytes);
    auto output = machine.take_output();
    if (step == Step::authenticated) {
        EXPECT_EQ(types(output), "R");
        EXPECT_TRUE(client.server_final(std::string_view(output).substr(9)));
    }
    return {step, output};
}

TEST(ClientHandshake, ProvesAUserByScram) {
    for (bool byte_by_byte : {false, true}) {
        ClientHandshake machine(options());
        begin(machine, record());
        EXPECT_EQ(play_scram(machine, "pencil", byte_by_byte).first, Step::authenticated);
        EXPECT_EQ(machine.method(), "scram-sha-256");
    }
}

TEST(ClientHandshake, ProvesAUserByScramPlus) {
    ClientHandshake machine(tls_options());
    begin(machine, record(), facts());
    EXPECT_EQ(play_scram(machine, "pencil", false, auth::ScramBinding::end_point).first, Step::authenticated);
    EXPECT_EQ(machine.method(), "scram-sha-256-plus");
}

TEST(ClientHandshake, NoticesThatPlusWasTakenOffItsOffer) {
    ClientHandshake machine(tls_options());
    begin(machine, record(), facts());
    machine.take_output();
    std::string bytes;
    sasl_initial_response(bytes, auth::scram_sha_256, "y,,n=,r=abc");
    EXPECT_EQ(fed(machine, bytes), Step::failed);
    auto [failure, error, output] = failed(machine);
    EXPECT_EQ(failure, ClientFailure::authentication_failed);
    EXPECT_EQ(error.sqlstate, "28000");
    EXPECT_EQ(error.text, "SCRAM channel binding negotiation error");
}

TEST(ClientHandshake, FailsAllAlikeThatMayNotLogIn) {
    auto unwelcome = record();
    unwelcome.may_connect = false;
    auto certificate_only = UserRecord{};
    certificate_only.allow_cert = true;
    std::vector<std::optional<UserRecord>> users;
    users.emplace_back(record("another"));
    users.emplace_back(std::nullopt);
    users.emplace_back(std::move(unwelcome));
    users.emplace_back(std::move(certificate_only));
    std::string first_output;
    for (auto& user : users) {
        ClientHandshake machine(options());
        begin(machine, std::move(user));
        auto [step, output] = play_scram(machine, "pencil");
        EXPECT_EQ(step, Step::failed);
        EXPECT_EQ(machine.failure(), ClientFailure::authentication_failed);
        EXPECT_EQ(last_error(output).severity, "FATAL");
        EXPECT_EQ(last_error(output).sqlstate, "28P01");
        EXPECT_EQ(last_error(output).text, "password authentication failed for user \"app\"");
        if (first_output.empty())
            first_output = output;
        EXPECT_EQ(output, first_output);
    }
}

TEST(ClientHandshake, AsksAnUnknownUserWithTheSameSaltEachTime) {
    std::string first;
    for (int i = 0; i < 3; ++i) {
        ClientHandshake machine(options());
        begin(machine, std::nullopt);
        machine.take_output();
        std::string bytes;
        sasl_initial_response(bytes, auth::scram_sha_256, "n,,n=,r=abc");
        fed(machine, bytes);
        auto output = machine.take_output();
        auto salt = output.substr(output.find(",s="));
        EXPECT_TRUE(salt.ends_with(",i=2"));
        if (i == 0)
            first = salt;
        EXPECT_EQ(salt, first);
    }
}

TEST(ClientHandshake, AsksForTheFirstMessageIfItDidNotComeAlong) {
    ClientHandshake machine(options());
    begin(machine, record());
    machine.take_output();
    Feed feed(machine);
    EXPECT_EQ(feed(message('p', text({"SCRAM-SHA-256"}) + "\xff\xff\xff\xff")), Step::need_input);
    EXPECT_EQ(machine.take_output(), authentication(11));
    EXPECT_EQ(feed(message('p', "n,,n=,r=abc")), Step::need_input);
    EXPECT_EQ(types(machine.take_output()), "R");
}

TEST(ClientHandshake, RefusesAMalformedChoiceOfMechanism) {
    auto with = [](std::string_view mechanism, std::string_view rest) {
        return message('p', text({mechanism}) + std::string(rest));
    };
    for (const auto& bytes :
         {message('p'), message('p', "SCRAM-SHA-256"), with("SCRAM-SHA-256", ""), with("SCRAM-SHA-256", "\0\0\0"s),
          with("SCRAM-SHA-256", "\0\0\0\2x"s), with("SCRAM-SHA-256", "\0\0\0\0x"s),
          with("SCRAM-SHA-256", "\xff\xff\xff\xfe"), with("SCRAM-SHA-256", "\xff\xff\xff\xffx"),
          with("SCRAM-SHA-256", "\x7f\xff\xff\xffx"), with("SCRAM-SHA-1", "\0\0\0\0"s), with("", "\0\0\0\0"s),
          with("scram-sha-256", "\0\0\0\0"s), with("SCRAM-SHA-256-PLUS", "\0\0\0\0"s),
          with("OAUTHBEARER", "\0\0\0\0"s)}) {
        ClientHandshake machine(options());
        begin(machine, record());
        machine.take_output();
        EXPECT_EQ(fed(machine, bytes), Step::failed);
        EXPECT_EQ(failed(machine).error.sqlstate, "08P01");
    }
}

TEST(ClientHandshake, RefusesAnythingButAnAnswer) {
    // The second is CVE-2026-107350: another StartupMessage, another user, in the middle of SCRAM.
    for (const auto& bytes : {message('Q', "select 1\0"s), startup({"user", "postgres"}), "X\0\0\0\4"s, "\x16"s}) {
        for (bool after_first : {false, true}) {
            ClientHandshake machine(options());
            begin(machine, record());
            Feed feed(machine);
            if (after_first) {
                std::string first;
                sasl_initial_response(first, auth::scram_sha_256, "n,,n=,r=abc");
                feed(first);
            }
            machine.take_output();
            EXPECT_EQ(feed(bytes), Step::failed);
            auto [failure, error, output] = failed(machine);
            EXPECT_EQ(failure, ClientFailure::protocol_violation);
            EXPECT_EQ(error.sqlstate, "08P01");
            EXPECT_EQ(machine.user(), "app");
        }
    }
}

TEST(ClientHandshake, ChecksTheLengthOfAnAnswerBeforeWaitingForIt) {
    struct Case {
        std::string head;
        ClientFailure failure;
    };
    for (const auto& [head, failure] :
         {Case{"p\0\0\0\3"s, ClientFailure::protocol_violation}, Case{"p\0\0\0\0"s, ClientFailure::protocol_violation},
          Case{"p\0\0\4\5"s, ClientFailure::input_too_long}, Case{"p\xff\xff\xff\xff", ClientFailure::input_too_long},
          Case{"p\x7f\xff\xff\xff", ClientFailure::input_too_long}}) {
        ClientHandshake machine(options());
        begin(machine, record());
        machine.take_output();
        EXPECT_EQ(fed(machine, head), Step::failed);
        EXPECT_EQ(machine.failure(), failure);
        EXPECT_EQ(failed(machine).error.sqlstate, "08P01");
    }
    ClientHandshake machine(options());
    begin(machine, record());
    EXPECT_EQ(fed(machine, "p\0\0\4\4"s), Step::need_input);
}

TEST(ClientHandshake, LeavesWhatFollowsTheLoginUnread) {
    ClientHandshake machine(options());
    begin(machine, md5_record());
    auto salt = frames(machine.take_output()).at(0).body.substr(4);
    std::string answer;
    password_message(answer, auth::md5_response(auth::md5_stored("pencil", "app"), salt));
    Feed feed(machine);
    EXPECT_EQ(feed(answer + "later"), Step::authenticated);
    EXPECT_EQ(feed.unread(), "later");
}

TEST(ClientHandshake, KeepsItsOutcomeWhenTheConnectionEndsLater) {
    ClientHandshake machine(options());
    begin(machine, record("other"));
    play_scram(machine, "pencil");
    machine.closed();
    EXPECT_EQ(machine.failure(), ClientFailure::authentication_failed);
}

} // namespace
} // namespace rekey::protocol::postgres
