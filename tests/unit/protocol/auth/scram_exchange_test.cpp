#include "protocol/auth/base64.hpp"
#include "protocol/auth/scram_client.hpp"
#include "protocol/auth/scram_server.hpp"

#include <gtest/gtest.h>

namespace rekey::protocol::auth {
namespace {

constexpr std::string_view client_nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string hash(32, 'h');

ScramServerOptions options(std::string_view password = "pencil") {
    ScramServerOptions made;
    made.verifier = scram_verifier(password, *base64_decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);
    made.nonce = server_nonce;
    return made;
}

ScramServerOptions plus_options() {
    auto made = options();
    made.plus_chosen = true;
    made.end_point_hash = hash;
    return made;
}

const std::string client_first = "n,,n=,r=" + std::string(client_nonce);

// --- RFC 7677, section 3 ---

const std::string rfc_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string rfc_server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const std::string rfc_final = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                              "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const std::string rfc_server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

TEST(ScramServer, PlaysTheExampleOfTheRfc) {
    ScramServer server(options());
    EXPECT_EQ(server.first(rfc_first), rfc_server_first);
    EXPECT_EQ(server.final(rfc_final), rfc_server_final);
    EXPECT_FALSE(server.wrong_password());
}

TEST(ScramServer, RefusesEveryTruncationOfTheFirstMessage) {
    // The nonce may end anywhere, so that only what is before its first character has to be there.
    for (std::size_t size = 0; size < rfc_first.find("r=") + 3; ++size) {
        ScramServer server(options());
        EXPECT_EQ(server.first(rfc_first.substr(0, size)), std::nullopt) << size;
        EXPECT_EQ(server.fault().sqlstate, "08P01");
    }
}

TEST(ScramServer, RefusesEveryTruncationOfTheFinalMessage) {
    for (std::size_t size = 0; size < rfc_final.size(); ++size) {
        ScramServer server(options());
        ASSERT_TRUE(server.first(rfc_first));
        EXPECT_EQ(server.final(rfc_final.substr(0, size)), std::nullopt) << size;
        EXPECT_FALSE(server.wrong_password());
        EXPECT_FALSE(server.fault().sqlstate.empty());
    }
}

TEST(ScramServer, RefusesEveryChangedByteOfTheFinalMessage) {
    for (std::size_t at = 0; at < rfc_final.size(); ++at) {
        ScramServer server(options());
        ASSERT_TRUE(server.first(rfc_first));
        auto changed = rfc_final;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        EXPECT_EQ(server.final(changed), std::nullopt) << changed;
    }
}

struct Refusal {
    std::string message;
    std::string_view sqlstate;
};

TEST(ScramServer, RefusesAFirstMessageOutOfLine) {
    for (const auto& [message, sqlstate] : std::vector<Refusal>{
             {"", "08P01"},
             {"n", "08P01"},
             {",,n=,r=abc", "08P01"},
             {"x,,n=,r=abc", "08P01"},
             {"nn,,n=,r=abc", "08P01"},
             {"N,,n=,r=abc", "08P01"},
             {"n,n=,r=abc", "08P01"},
             {"n,a=other,n=,r=abc", "0A000"}, // authorization identity
             {"n,,m=1,n=,r=abc", "0A000"},    // mandatory extension
             {"n,,r=abc", "08P01"},
             {"n,,r=abc,n=", "08P01"},
             {"n,,n=", "08P01"},
             {"n,,n=,", "08P01"},
             {"n,,n=,r=", "08P01"},
             {"n,,n=,r=ab c", "08P01"},
             {"n,,n=,r=ab\x7f", "08P01"},
             {"n,,n=,r=ab\xc3\xa9", "08P01"},
             {std::string("n,,n=,r=a\0c", 11), "08P01"},
             {"n,,n=,r=abc,", "08P01"},
             {"n,,n=,r=abc,x", "08P01"},
             {"n,,n=,r=abc,1=2", "08P01"},
             {"p=tls-server-end-point,,n=,r=abc", "08P01"}, // with SCRAM-SHA-256
         }) {
        ScramServer server(options());
        EXPECT_EQ(server.first(message), std::nullopt) << message;
        EXPECT_EQ(server.fault().sqlstate, sqlstate) << message;
    }
}

TEST(ScramServer, IgnoresExtensionsItNeedNotKnow) {
    ScramServer server(options());
    EXPECT_TRUE(server.first("n,,n=someone,r=abc,x=1,y="));
}

TEST(ScramServer, RefusesAFinalMessageOutOfLine) {
    const std::string nonce = std::string(client_nonce) + std::string(server_nonce), proof = base64_encode(hash);
    for (const auto& [message, sqlstate] : std::vector<Refusal>{
             {"", "08P01"},
             {"c=biws,p=" + proof, "08P01"}, // CVE-2026-19888: no nonce
             {"r=" + nonce + ",p=" + proof, "08P01"},
             {"r=" + nonce + ",c=biws,p=" + proof, "08P01"},
             {"c=biws,r=" + nonce, "08P01"},
             {"c=biws,r=" + nonce + ",p=", "08P01"},
             {"c=biws,r=" + nonce + ",p=YWJj", "08P01"},
             {"c=biws,r=" + nonce + ",p=" + proof + ",", "08P01"},
             {"c=biws,r=" + nonce + ",p=" + proof + ",x=1", "08P01"},
             {"c=biws,r=" + nonce + ",p=" + proof + ",p=" + proof, "08P01"},
             {"c=biws,r=,p=" + proof, "08P01"},
             {"c=biws,r=" + std::string(client_nonce) + ",p=" + proof, "08P01"},
             {"c=biws,r=" + nonce + "x,p=" + proof, "08P01"},
             {"c=eSws,r=" + nonce + ",p=" + proof, "28000"},
             {"c=,r=" + nonce + ",p=" + proof, "28000"},
         }) {
        ScramServer server(options());
        ASSERT_TRUE(server.first(client_first));
        EXPECT_EQ(server.final(message), std::nullopt) << message;
        EXPECT_FALSE(server.wrong_password()) << message;
        EXPECT_EQ(server.fault().sqlstate, sqlstate) << message;
    }
}

// --- client against server ---

struct Outcome {
    bool server_accepts = false, client_accepts = false, wrong_password = false;
    std::string_view fault;
};

Outcome play(ScramClient client, ScramServer server, std::string_view password) {
    Outcome outcome;
    auto server_first = server.first(client.first());
    if (!server_first) {
        outcome.fault = server.fault().sqlstate;
        return outcome;
    }
    EXPECT_TRUE(client.server_first(*server_first, 1'000'000));
    auto server_final = server.final(client.final(scram_keys(password, client.salt(), client.iterations())));
    outcome.server_accepts = server_final.has_value();
    outcome.wrong_password = server.wrong_password();
    outcome.fault = server.fault().sqlstate;
    outcome.client_accepts = server_final && client.server_final(*server_final);
    return outcome;
}

ScramClient client(ScramBinding binding = ScramBinding::none, std::string end_point_hash = {}) {
    return {binding, std::move(end_point_hash), scram_nonce()};
}

TEST(ScramExchange, ProvesEitherSideToTheOther) {
    auto outcome = play(client(), ScramServer(options()), "pencil");
    EXPECT_TRUE(outcome.server_accepts);
    EXPECT_TRUE(outcome.client_accepts);
}

TEST(ScramExchange, BindsToTheEndPoint) {
    auto outcome = play(client(ScramBinding::end_point, hash), ScramServer(plus_options()), "pencil");
    EXPECT_TRUE(outcome.client_accepts);
}

TEST(ScramExchange, NoticesAnotherEndPoint) {
    auto outcome = play(client(ScramBinding::end_point, std::string(32, 'x')), ScramServer(plus_options()), "pencil");
    EXPECT_FALSE(outcome.server_accepts);
    EXPECT_FALSE(outcome.wrong_password);
    EXPECT_EQ(outcome.fault, "28000");
}

TEST(ScramExchange, LetsAClientBindThatWasNotOfferedIt) {
    EXPECT_TRUE(play(client(ScramBinding::not_offered), ScramServer(options()), "pencil").client_accepts);
}

TEST(ScramExchange, NoticesThatTheOfferWasTakenAway) {
    auto server_options = options();
    server_options.end_point_hash = hash; // offered, and plain SCRAM chosen with the flag "y"
    auto outcome = play(client(ScramBinding::not_offered), ScramServer(std::move(server_options)), "pencil");
    EXPECT_FALSE(outcome.server_accepts);
    EXPECT_EQ(outcome.fault, "28000");
}

TEST(ScramExchange, LetsAClientThatCannotBindChoosePlainScram) {
    auto server_options = options();
    server_options.end_point_hash = hash;
    EXPECT_TRUE(play(client(), ScramServer(std::move(server_options)), "pencil").client_accepts);
}

TEST(ScramExchange, RefusesPlusWithoutBinding) {
    for (auto flag : {"n", "y"}) {
        ScramServer server(plus_options());
        EXPECT_EQ(server.first(std::string(flag) + ",,n=,r=abc"), std::nullopt);
        EXPECT_EQ(server.fault().sqlstate, "08P01");
    }
    ScramServer server(plus_options());
    EXPECT_EQ(server.first("p=tls-unique,,n=,r=abc"), std::nullopt);
    EXPECT_EQ(server.fault().sqlstate, "08P01");
}

TEST(ScramExchange, RefusesAWrongPassword) {
    auto outcome = play(client(), ScramServer(options()), "pencils");
    EXPECT_FALSE(outcome.server_accepts);
    EXPECT_TRUE(outcome.wrong_password);
}

TEST(ScramExchange, RefusesADoomedUserWithTheRightPassword) {
    auto server_options = options();
    server_options.doomed = true;
    auto outcome = play(client(), ScramServer(std::move(server_options)), "pencil");
    EXPECT_FALSE(outcome.server_accepts);
    EXPECT_TRUE(outcome.wrong_password);
}

TEST(ScramExchange, PreparesPasswords) {
    EXPECT_TRUE(play(client(), ScramServer(options("I\u00adX")), "\u2168").client_accepts);
    EXPECT_TRUE(play(client(), ScramServer(options("\xff\xfe")), "\xff\xfe").client_accepts);
}

// --- the client by itself ---

TEST(ScramClient, SaysHowItBinds) {
    EXPECT_EQ(ScramClient(ScramBinding::none, {}, "abc").first(), "n,,n=,r=abc");
    EXPECT_EQ(ScramClient(ScramBinding::not_offered, {}, "abc").first(), "y,,n=,r=abc");
    EXPECT_EQ(ScramClient(ScramBinding::end_point, hash, "abc").first(), "p=tls-server-end-point,,n=,r=abc");
}

TEST(ScramClient, RefusesAServerFirstMessageOutOfLine) {
    for (std::string_view message : {"",
                                     "r=abcdef",
                                     "r=abcdef,s=c2FsdA==",
                                     "r=abcdef,i=1,s=c2FsdA==",
                                     "s=c2FsdA==,r=abcdef,i=1",
                                     "r=abc,s=c2FsdA==,i=1",       // not longer than ours
                                     "r=abd,s=c2FsdA==,i=1",       // not ours
                                     "r=xabcdef,s=c2FsdA==,i=1",   //
                                     "r=,s=c2FsdA==,i=1",          //
                                     "r=abc d,s=c2FsdA==,i=1",     //
                                     "r=abcdef,s=,i=1",            //
                                     "r=abcdef,s=c2FsdA=,i=1",     //
                                     "r=abcdef,s=c2FsdA==,i=",     //
                                     "r=abcdef,s=c2FsdA==,i=0",    //
                                     "r=abcdef,s=c2FsdA==,i=-1",   //
                                     "r=abcdef,s=c2FsdA==,i=1x",   //
                                     "r=abcdef,s=c2FsdA==,i=1001", // beyond the limit
                                     "r=abcdef,s=c2FsdA==,i=99999999999999999999",
                                     "r=abcdef,s=c2FsdA==,i=1,",
                                     "r=abcdef,s=c2FsdA==,i=1,x=y",
                                     "m=1,r=abcdef,s=c2FsdA==,i=1",
                                     "e=other-error"}) {
        ScramClient client(ScramBinding::none, {}, "abc");
        EXPECT_FALSE(client.server_first(message, 1000)) << message;
    }
    ScramClient client(ScramBinding::none, {}, "abc");
    EXPECT_TRUE(client.server_first("r=abcdef,s=c2FsdA==,i=1000", 1000));
    EXPECT_EQ(client.salt(), "salt");
    EXPECT_EQ(client.iterations(), 1000u);
}

TEST(ScramClient, RefusesAServerThatDoesNotKnowThePassword) {
    ScramClient client(ScramBinding::none, {}, "abc");
    ASSERT_TRUE(client.server_first("r=abcdef,s=c2FsdA==,i=1", 1000));
    client.final(scram_keys("pencil", "salt", 1));
    auto signature = base64_encode(hash);
    for (const std::string& message : {std::string(), std::string("v="), std::string("v=YWJj"), "v=" + signature,
                                       "v=" + signature + ",x=1", "w=" + signature, std::string("e=invalid-proof")})
        EXPECT_FALSE(client.server_final(message)) << message;
}

TEST(ScramNonce, IsPrintableAndFresh) {
    auto a = scram_nonce(), b = scram_nonce();
    EXPECT_EQ(a.size(), 24u);
    EXPECT_NE(a, b);
    EXPECT_EQ(a.find(','), std::string::npos);
}

} // namespace
} // namespace rekey::protocol::auth
