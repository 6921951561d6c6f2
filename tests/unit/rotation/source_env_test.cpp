#include "rotation/source.hpp"
#include "tests/support/rotation_fakes.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace rekey::rotation {
namespace {

class EnvSource : public ::testing::Test {
  protected:
    EnvSource() {
        credentials_.resize(1);
        credentials_[0].source.type = config::SourceType::env;
        credentials_[0].source.username_variable = "REKEY_TEST_USER";
        credentials_[0].source.password_variable = "REKEY_TEST_PASSWORD";
        ::setenv("REKEY_TEST_USER", "orders", 1);
        ::setenv("REKEY_TEST_PASSWORD", "the secret", 1);
    }
    ~EnvSource() override {
        ::unsetenv("REKEY_TEST_USER");
        ::unsetenv("REKEY_TEST_PASSWORD");
    }
    std::unique_ptr<Source> make() {
        return make_source(credentials_[0], environment_, watcher_, nullptr, protocol::Secret("key"));
    }
    FetchResult fetch(Source& source) {
        FetchResult result;
        source.fetch([&](FetchResult arrived) { result = std::move(arrived); });
        EXPECT_TRUE(!result.credential && result.error.empty()) << "never from inside the call";
        environment_.run_ready();
        EXPECT_EQ(result.error.find("the secret"), std::string::npos);
        return result;
    }

    std::vector<config::Credential> credentials_;
    tests::ManualEnvironment environment_;
    tests::ManualWatcher watcher_;
};

TEST_F(EnvSource, ReadsTheVariablesOnce) {
    auto source = make();
    EXPECT_EQ(source->type(), "env");
    ::setenv("REKEY_TEST_PASSWORD", "another", 1);
    for (int i = 0; i < 2; ++i) {
        auto result = fetch(*source);
        ASSERT_TRUE(result.credential) << result.error;
        EXPECT_EQ(result.credential->username, "orders");
        EXPECT_EQ(result.credential->password.reveal(), "the secret");
        EXPECT_EQ(result.credential->version.size(), 16u);
    }
    EXPECT_NE(fetch(*make()).credential->version, fetch(*source).credential->version);
}

TEST_F(EnvSource, NamesAMissingVariable) {
    ::unsetenv("REKEY_TEST_PASSWORD");
    EXPECT_NE(fetch(*make()).error.find("REKEY_TEST_PASSWORD is not set"), std::string::npos);
    ::unsetenv("REKEY_TEST_USER");
    EXPECT_NE(fetch(*make()).error.find("REKEY_TEST_USER is not set"), std::string::npos);
}

TEST_F(EnvSource, RefusesAnEmptyVariable) {
    ::setenv("REKEY_TEST_PASSWORD", "", 1);
    EXPECT_EQ(fetch(*make()).error, "env: the password is empty");
}

TEST_F(EnvSource, ForgetsThePasswordInTheEnvironment) {
    auto source = make();
    char* in_place = ::getenv("REKEY_TEST_PASSWORD");
    forget_source_variables(credentials_);
    EXPECT_EQ(::getenv("REKEY_TEST_PASSWORD"), nullptr);
    EXPECT_EQ(std::string_view(in_place, 10), std::string_view("\0\0\0\0\0\0\0\0\0\0", 10));
    EXPECT_STREQ(::getenv("REKEY_TEST_USER"), "orders");
    EXPECT_TRUE(fetch(*source).credential);
    forget_source_variables(credentials_);
}

TEST_F(EnvSource, CallsNobodyBackAfterItsEnd) {
    auto source = make();
    int calls = 0;
    source->fetch([&](FetchResult) { ++calls; });
    source.reset();
    environment_.run_ready();
    EXPECT_EQ(calls, 0);
}

} // namespace
} // namespace rekey::rotation
