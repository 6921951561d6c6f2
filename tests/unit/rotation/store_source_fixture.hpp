// A source in front of a little store on loopback that answers by target.
#pragma once

#include "rotation/sources/sources.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekey::rotation::store_test {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;
using tests::Answer;
using tests::SeenRequest;

// No patience: tests have no time for the pauses between attempts.
inline http::RetryPolicy at_once() {
    http::RetryPolicy retry;
    retry.least = retry.most = std::chrono::milliseconds(1);
    return retry;
}

class StoreSource : public ::testing::Test {
  protected:
    virtual std::unique_ptr<Source> make() = 0;
    virtual Answer answer(const SeenRequest& request) = 0;

    // The source is made with the first fetch. No error ever tells a secret: those of tests begin with s3cret.
    FetchResult fetch() {
        if (!source_)
            source_ = make();
        FetchResult result;
        bool done = false;
        source_->fetch([&](FetchResult fetched) {
            result = std::move(fetched);
            done = true;
        });
        environment_.run_ready();
        EXPECT_TRUE(done);
        EXPECT_NE(result.credential.has_value(), !result.error.empty());
        EXPECT_THAT(result.error, Not(HasSubstr("s3cret")));
        return result;
    }
    std::size_t asked() const { return server_.requests().size(); }
    SeenRequest seen(std::size_t number) const { return server_.requests().at(number); }

    // What the server's threads read is set under the lock.
    template <class Change> void set(Change change) {
        std::lock_guard lock(mutex_);
        change();
    }

    config::Environment no_variables() const {
        return [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
    }

    std::mutex mutex_;
    tests::ManualEnvironment environment_;
    tests::TemporaryDirectory directory_;
    tests::HttpServer server_{[this](const SeenRequest& request) {
        std::lock_guard lock(mutex_);
        return answer(request);
    }};
    std::unique_ptr<Source> source_;
};

} // namespace rekey::rotation::store_test
