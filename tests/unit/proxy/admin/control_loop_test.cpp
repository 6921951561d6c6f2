#include "proxy/admin/control_loop.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <thread>

namespace rekey::proxy::admin {
namespace {

using namespace std::chrono_literals;

class ControlLoopTest : public testing::Test {
  protected:
    // Fails the test instead of hanging when the loop is not stopped by it.
    void run() {
        auto guard = loop.call_at(loop.now() + 20s, [this] {
            ADD_FAILURE() << "nothing stopped the loop";
            loop.stop();
        });
        loop.run();
        loop.cancel(guard);
    }
    ControlLoop loop;
};

TEST_F(ControlLoopTest, RunsTimersInTheirOrderAndNotBefore) {
    std::string order;
    auto start = loop.now();
    loop.call_at(start + 20ms, [&] {
        order += 'b';
        EXPECT_GE(loop.now() - start, 20ms);
        loop.stop();
    });
    loop.call_at(start + 5ms, [&] { order += 'a'; });
    run();
    EXPECT_EQ(order, "ab");
}

TEST_F(ControlLoopTest, DoesNotRunACancelledTimer) {
    auto now = loop.now();
    auto late = loop.call_at(now, [] { FAIL() << "was cancelled, though it had expired"; });
    loop.cancel(late);
    loop.cancel(late); // again is nothing
    loop.call_at(now + 1ms, [&] { loop.stop(); });
    run();
}

TEST_F(ControlLoopTest, ATimerMayCancelAnotherThatIsDue) {
    std::uint64_t second = 0;
    auto now = loop.now();
    loop.call_at(now - 2ms, [&] { loop.cancel(second); });
    second = loop.call_at(now - 1ms, [] { FAIL() << "was cancelled"; });
    loop.call_at(now + 5ms, [&] { loop.stop(); });
    run();
}

TEST_F(ControlLoopTest, RunsBlockingWorkElsewhereAndItsEndHere) {
    auto here = std::this_thread::get_id();
    std::thread::id there;
    loop.run_blocking([&] { there = std::this_thread::get_id(); },
                      [&] {
                          EXPECT_EQ(std::this_thread::get_id(), here);
                          loop.stop();
                      });
    run();
    EXPECT_NE(there, here);
    EXPECT_NE(there, std::thread::id());
}

TEST_F(ControlLoopTest, PostsFromAnyThread) {
    std::thread other([&] { loop.executor()([&] { loop.stop(); }); });
    run();
    other.join();
}

TEST_F(ControlLoopTest, CallsForAReadableDescriptorUntilUnwatched) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    int calls = 0;
    loop.watch(ends[0], [&] {
        char byte;
        ASSERT_EQ(::read(ends[0], &byte, 1), 1);
        if (++calls == 2) {
            loop.unwatch(ends[0]);
            ASSERT_EQ(::write(ends[1], "c", 1), 1); // stays unread
            loop.call_at(loop.now() + 5ms, [&] { loop.stop(); });
        }
    });
    ASSERT_EQ(::write(ends[1], "ab", 2), 2);
    run();
    EXPECT_EQ(calls, 2);
    ASSERT_EQ(::close(ends[0]), 0) << "the loop must not close it";
    ::close(ends[1]);
}

TEST_F(ControlLoopTest, CallsForEverySignal) {
    int calls = 0;
    loop.on_signal(SIGUSR1, [&] {
        if (++calls == 2)
            loop.stop();
        else
            ::raise(SIGUSR1);
    });
    loop.post([] { ::raise(SIGUSR1); });
    run();
    EXPECT_EQ(calls, 2);
}

TEST_F(ControlLoopTest, DrawsUniformlyBelowTheBound) {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 500; ++i)
        seen.insert(loop.random(5));
    EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4}));
    unsigned char first[16]{}, second[16]{};
    loop.random_bytes(first, sizeof first);
    loop.random_bytes(second, sizeof second);
    EXPECT_NE(std::string(first, first + 16), std::string(second, second + 16));
}

TEST(ControlLoop, DropsWhatIsLeftWhenItEnds) {
    auto left = std::make_shared<int>(1);
    {
        ControlLoop loop;
        loop.call_at(loop.now() + 1h, [left] {});
        loop.post([left] {});
        loop.run_blocking([] {}, [left] {});
        loop.stop();
    }
    EXPECT_EQ(left.use_count(), 1);
}

} // namespace
} // namespace rekey::proxy::admin
