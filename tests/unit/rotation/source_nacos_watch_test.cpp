// The Nacos source hears of changes.
#include "rotation/nacos/signature.hpp"
#include "tests/unit/rotation/source_nacos_fixture.hpp"

namespace rekey::rotation::nacos_test {
namespace {

class NacosWatch : public NacosSource {
  protected:
    void watch() {
        make();
        source_->watch([this] { ++changes_; });
    }
    std::size_t listened() const { return server_.count("POST", listener); }

    int changes_ = 0;
};

TEST_F(NacosWatch, ListensOnceSomethingWasReadAndHearsOfAChange) {
    set("POST " + listener, {200, changed});
    watch();
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(until([&] { return changes_ == 1; }));
    auto seen = last(listener);
    EXPECT_FALSE(seen.malformed);
    EXPECT_EQ(seen.header("long-pulling-timeout"), "10000");
    EXPECT_EQ(seen.header("content-type"), "application/x-www-form-urlencoded; charset=UTF-8");
    EXPECT_EQ(seen.body,
              "Listening-Configs=db.properties%02DEFAULT_GROUP%02" + nacos::md5_of(content("s3cret-Passw0rd")) + "%01");
    EXPECT_EQ(listened(), 1u) << "nothing is asked until somebody has looked";
    set("GET " + v1, {200, content("s3cret-2")});
    set("POST " + listener, {0, ""});
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(until([&] { return listened() == 2; }));
    EXPECT_THAT(last(listener).body, HasSubstr(nacos::md5_of(content("s3cret-2"))));
    EXPECT_EQ(changes_, 1);
}

TEST_F(NacosWatch, AsksAgainWhenTheChangeCouldNotBeReadYet) {
    set("POST " + listener, {200, changed});
    watch();
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(until([&] { return changes_ == 1; }));
    ASSERT_TRUE(fetch().credential); // what was there before: the server has not come after
    ASSERT_TRUE(until([&] { return changes_ == 2; }));
}

TEST_F(NacosWatch, HearsThatSomethingIsThereNow) {
    set("GET " + v1, {404, "config data not exist"});
    set("POST " + listener, {200, changed});
    watch();
    EXPECT_THAT(fetch().error, HasSubstr("there is no such configuration"));
    ASSERT_TRUE(until([&] { return changes_ == 1; }));
    EXPECT_EQ(last(listener).body, "Listening-Configs=db.properties%02DEFAULT_GROUP%02%01");
}

TEST_F(NacosWatch, GoesOnAfterFailuresAndTellsOfThemOnce) {
    set("POST " + listener, {503, "over limit"});
    watch();
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(until([&] { return listened() >= 3; }));
    set("POST " + listener, {200, changed});
    ASSERT_TRUE(until([&] { return changes_ == 1; }));
    ASSERT_EQ(log_.size(), 1u);
    EXPECT_THAT(log_[0], AllOf(HasSubstr("/v1/cs/configs/listener: status 503"), HasSubstr("found by polling")));
}

TEST_F(NacosWatch, GivesUpWhereNothingCanBeListenedTo) {
    set("POST " + listener, {410, "gone"});
    watch();
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(until([&] { return !log_.empty(); }));
    EXPECT_THAT(log_[0], HasSubstr("; changes are found by polling"));
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(listened(), 1u);
}

TEST_F(NacosWatch, DoesNotListenToVersion3) {
    nacos_.api = config::NacosApi::v3;
    set("GET " + v3, {200, R"({"code":0,"data":{"content":"username=app\npassword=s3cret"}})"});
    watch();
    ASSERT_TRUE(fetch().credential);
    EXPECT_EQ(watcher_.size(), 0u);
}

TEST_F(NacosWatch, SignsWithoutAGroupAndLogsInForItself) {
    use_login();
    nacos_.name_space = "prod";
    nacos_.access_key.id = "ak-1";
    nacos_.access_key.secret.value = protocol::Secret("sk-1");
    set("GET " + v1 + "&tenant=prod", {200, content("s3cret")});
    set("POST " + listener, {200, "db.properties%02DEFAULT_GROUP%02prod%01\n"});
    watch();
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(until([&] { return changes_ == 1; }));
    auto seen = last(listener);
    EXPECT_EQ(seen.header("authorization"), "Bearer tok-1");
    EXPECT_EQ(seen.header("spas-signature"), nacos::hmac_sha1("sk-1", seen.header("timestamp")));
    EXPECT_THAT(seen.body, HasSubstr("&tenant=prod"));
    EXPECT_EQ(server_.count("POST", "/nacos/v1/auth/users/login"), 2u);
}

TEST_F(NacosWatch, EndsWhileAServerLetsItWait) {
    set("POST " + listener, {0, ""});
    watch();
    ASSERT_TRUE(fetch().credential);
    ASSERT_TRUE(until([&] { return listened() == 1; }));
    source_.reset();
    environment_.run_ready(); // joins the thread
    EXPECT_EQ(watcher_.size(), 0u);
    EXPECT_EQ(changes_, 0);
}

} // namespace
} // namespace rekey::rotation::nacos_test
