#include "rotation/sources/secret_text.hpp"
#include "tests/support/self_signed.hpp"
#include "tests/unit/rotation/store_source_fixture.hpp"

namespace rekey::rotation {
namespace {

using namespace std::chrono_literals;
using namespace store_test;

class HttpSource : public StoreSource {
  protected:
    HttpSource() { store_.method = "GET"; }

    std::unique_ptr<Source> make() override {
        config::Source configured;
        configured.type = config::SourceType::http;
        configured.timeout = 20'000ms;
        auto store = std::make_shared<config::HttpStore>();
        store->url = store_.url.empty() ? server_.url() + "/v1/login?app=orders" : store_.url;
        store->method = store_.method;
        store->ca = store_.ca;
        store->shape = store_.shape;
        store->body.value = store_.body.value.clone();
        for (const auto& header : store_.headers)
            store->headers.push_back({header.name, header.prefix, {header.value.file, header.value.value.clone()}});
        configured.http = store;
        return make_http_source(configured, environment_, protocol::Secret("key"), no_variables(), at_once());
    }
    Answer answer(const SeenRequest& request) override {
        if (!tag_.empty() && request.header("if-none-match") == tag_)
            return {"HTTP/1.1 304 x\r\nETag: " + tag_ + "\r\n\r\n", false, false};
        return Answer::json(status_, body_, tag_.empty() ? "" : "ETag: " + tag_ + "\r\n");
    }
    void say(int status, const std::string& body, const std::string& tag = {}) {
        set([&] {
            status_ = status;
            body_ = body;
            tag_ = tag;
        });
    }

    config::HttpStore store_;
    int status_ = 200;
    std::string body_ = R"({"username":"app","password":"s3cret-Passw0rd"})", tag_;
};

TEST_F(HttpSource, ReadsTheMembersOfAnObject) {
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_THAT(result.credential->version, MatchesRegex("[0-9a-f]{16}"));
    EXPECT_EQ(seen(0).method, "GET");
    EXPECT_EQ(seen(0).target, "/v1/login?app=orders");
    EXPECT_EQ(source_->type(), "http");
}

TEST_F(HttpSource, FollowsJsonPointers) {
    store_.shape.username = "/data/0/name";
    store_.shape.password = "/data/0/pass~1word";
    store_.shape.version = "/revision";
    store_.shape.expiration = "/data/0/until";
    say(200,
        R"({"revision":12,"data":[{"name":"app","pass/word":"s3cret","until":"2030-01-01T00:00:00Z"},{"name":"b"}]})");
    auto result = fetch();
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->password.reveal(), "s3cret");
    EXPECT_THAT(result.credential->version, MatchesRegex("12-[0-9a-f]{8}"));
    EXPECT_EQ(result.credential->not_after, std::chrono::system_clock::from_time_t(1'893'456'000));
}

TEST_F(HttpSource, ReadsAnAnswerThatIsAnArray) {
    store_.shape.username = "/0";
    store_.shape.password = "/1";
    say(200, R"(["app","s3cret"])");
    EXPECT_EQ(fetch().credential->username, "app");
}

TEST_F(HttpSource, TellsWhatIsWrongWithAnAnswer) {
    auto name = "http: GET " + server_.url() + "/v1/login: ";
    say(200, R"({"username":"app"})");
    EXPECT_EQ(fetch().error, name + "\"password\" is missing, empty or no text in what it holds");
    say(200, R"({"username":"app","password":["s3cret"]})");
    EXPECT_EQ(fetch().error, name + "\"password\" is missing, empty or no text in what it holds");
    say(200, "s3cret");
    EXPECT_EQ(fetch().error, name + "the answer is no JSON");
    say(200, "");
    EXPECT_EQ(fetch().error, name + "status 200: it has nothing to say");
    say(200, "{\"username\":\"a\\u0000b\",\"password\":\"s3cret\"}");
    EXPECT_THAT(fetch().error, HasSubstr("NUL"));
}

TEST_F(HttpSource, WantsAVersionAndAnEndToBeWhatTheyAreCalled) {
    store_.shape.version = "rev";
    store_.shape.expiration = "until";
    say(200, R"({"username":"app","password":"s3cret","rev":{}})");
    EXPECT_THAT(fetch().error, HasSubstr("\"rev\" is missing, or neither a number nor a short text"));
    say(200, R"({"username":"app","password":"s3cret","rev":"1","until":"tomorrow"})");
    EXPECT_THAT(fetch().error, HasSubstr("\"until\" is not a time as RFC 3339 writes it"));
    say(200, R"({"username":"app","password":"s3cret","rev":"1","until":null})");
    EXPECT_FALSE(fetch().credential->not_after) << "it does not end";
}

TEST_F(HttpSource, SendsHeadersAndReadsTheirFilesForEveryRequest) {
    auto file = directory_ / "token";
    tests::write_text(file, "s3cret-one\n");
    store_.headers.push_back({"Authorization", "Bearer ", {file, {}}});
    store_.headers.push_back({"X-Role", "", {"", protocol::Secret("orders")}});
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(0).header("authorization"), "Bearer s3cret-one");
    EXPECT_EQ(seen(0).header("x-role"), "orders");
    tests::write_text(file, "s3cret-two");
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(1).header("authorization"), "Bearer s3cret-two");
    tests::write_text(file, "s3cret\nX-Other: 1");
    EXPECT_THAT(fetch().error, HasSubstr("holds characters that cannot be sent"));
    std::filesystem::remove(file);
    EXPECT_EQ(fetch().error, "http: cannot read " + file + ": No such file or directory");
    EXPECT_EQ(asked(), 2u);
}

TEST_F(HttpSource, PostsABody) {
    store_.method = "POST";
    store_.body.value = protocol::Secret("{\"role\":\"orders\"}");
    EXPECT_TRUE(fetch().credential);
    EXPECT_EQ(seen(0).method, "POST");
    EXPECT_EQ(seen(0).body, "{\"role\":\"orders\"}");
}

TEST_F(HttpSource, KeepsWhatItHasWhenNothingHasChanged) {
    say(200, body_, "\"v1\"");
    auto first = fetch();
    EXPECT_EQ(seen(0).header("if-none-match"), "");
    auto again = fetch();
    EXPECT_EQ(seen(1).header("if-none-match"), "\"v1\"");
    ASSERT_TRUE(again.credential) << again.error;
    EXPECT_EQ(again.credential->password.reveal(), "s3cret-Passw0rd");
    EXPECT_EQ(again.credential->version, first.credential->version);
    say(200, R"({"username":"app","password":"s3cret-2"})", "\"v2\"");
    EXPECT_EQ(fetch().credential->password.reveal(), "s3cret-2");
    say(200, R"({"username":"app","password":"s3cret-3"})");
    EXPECT_EQ(fetch().credential->password.reveal(), "s3cret-3");
    fetch();
    EXPECT_EQ(seen(4).header("if-none-match"), "") << "an answer without a tag has none";
}

TEST_F(HttpSource, AsksAnewAfterAnAnswerItCannotUse) {
    say(200, "{}", "\"v1\"");
    fetch();
    fetch();
    EXPECT_EQ(seen(1).header("if-none-match"), "") << "there is nothing to keep";
}

TEST_F(HttpSource, DoesNotBelieveThatNothingHasChangedSinceNothing) {
    say(304, "");
    EXPECT_THAT(fetch().error, HasSubstr("status 304: redirects are not followed"));
}

TEST_F(HttpSource, TellsWhatAStatusMeans) {
    auto name = "http: GET " + server_.url() + "/v1/login: status ";
    say(401, R"({"password":"s3cret"})");
    EXPECT_EQ(fetch().error,
              name + "401: it does not know who asks: a header with a token is missing, wrong or too old");
    say(404, "");
    EXPECT_EQ(fetch().error, name + "404: there is nothing at this address");
    say(302, "");
    EXPECT_EQ(fetch().error, name + "302: redirects are not followed");
    EXPECT_EQ(asked(), 3u) << "none of these passes by itself";
}

TEST_F(HttpSource, SparesAServiceThatFails) {
    say(503, "");
    for (int i = 0; i < 4; ++i)
        EXPECT_THAT(fetch().error, HasSubstr("status 503: it has failed"));
    EXPECT_EQ(asked(), 12u) << "three attempts each";
    EXPECT_THAT(fetch().error, HasSubstr("status 503"));
    EXPECT_EQ(asked(), 12u);
    EXPECT_TRUE(source_->breaker_open());
    say(200, R"({"username":"app","password":"s3cret"})");
    environment_.advance(1min);
    EXPECT_TRUE(fetch().credential);
    EXPECT_FALSE(source_->breaker_open());
}

TEST_F(HttpSource, DoesNotPostTwiceWhatMayHaveArrived) {
    store_.method = "POST";
    store_.body.value = protocol::Secret("{}");
    tests::HttpServer silent([](const SeenRequest&) { return Answer{"", true, false}; });
    store_.url = silent.url();
    EXPECT_FALSE(fetch().credential);
    EXPECT_EQ(silent.requests().size(), 1u);
}

TEST_F(HttpSource, CallsNobodyBackAfterItsEnd) {
    source_ = make();
    bool called = false;
    source_->fetch([&](FetchResult) { called = true; });
    source_.reset();
    environment_.run_ready();
    EXPECT_FALSE(called);
}

// A service that lets in only who shows a certificate of the authority.
class MutualTls : public HttpSource {
  protected:
    MutualTls() {
        tests::make_certificate(directory_ / "server.crt", directory_ / "server.key", "IP:127.0.0.1");
        tests::make_certificate(directory_ / "client.crt", directory_ / "client.key", "DNS:rekey");
        context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
        EXPECT_EQ(SSL_CTX_use_certificate_file(context_.get(), (directory_ / "server.crt").c_str(), SSL_FILETYPE_PEM),
                  1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), (directory_ / "server.key").c_str(), SSL_FILETYPE_PEM),
                  1);
        EXPECT_EQ(SSL_CTX_load_verify_file(context_.get(), (directory_ / "client.crt").c_str()), 1);
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    FetchResult ask(bool with_certificate) {
        tests::HttpServer server([this](const SeenRequest&) { return Answer::json(200, body_); },
                                 tests::HttpServer::Way::tls, context_);
        config::Source configured;
        configured.type = config::SourceType::http;
        configured.timeout = 20'000ms;
        auto store = std::make_shared<config::HttpStore>();
        store->url = server.url() + "/";
        store->method = "GET";
        store->ca = directory_ / "server.crt";
        store->certificate = with_certificate ? directory_ / "client.crt" : std::string();
        store->key = with_certificate ? directory_ / "client.key" : std::string();
        configured.http = store;
        source_ = make_http_source(configured, environment_, protocol::Secret("key"), no_variables(), at_once());
        auto result = fetch();
        source_.reset();
        return result;
    }

    std::shared_ptr<SSL_CTX> context_;
};

TEST_F(MutualTls, ShowsItsCertificate) {
    auto result = ask(true);
    EXPECT_TRUE(result.credential) << result.error;
}

TEST_F(MutualTls, IsRefusedWithoutOne) {
    EXPECT_FALSE(ask(false).credential);
}

TEST(SecretText, IsAPasswordWhereThatIsMeant) {
    config::SecretShape shape;
    EXPECT_THAT(read_secret_text("s3cret", shape, Bare::password).error, HasSubstr("`user` says whose"));
    shape.user = "app";
    auto result = read_secret_text("12345", shape, Bare::password);
    ASSERT_TRUE(result.credential) << result.error;
    EXPECT_EQ(result.credential->username, "app");
    EXPECT_EQ(result.credential->password.reveal(), "12345") << "a number is a password, too";
    EXPECT_EQ(read_secret_text(R"({"username":"x","password":"p"})", shape, Bare::password).credential->username, "x");
    EXPECT_FALSE(read_secret_text("", shape, Bare::password).credential);
}

} // namespace
} // namespace rekey::rotation
