#include "rotation/sources/path_watch.hpp"
#include "tests/support/rotation_fakes.hpp"
#include "tests/support/temporary_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>

namespace rekey::rotation {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using tests::write_text;

class PathWatchTest : public ::testing::Test {
  protected:
    void watch(const std::string& path) {
        watch_ = std::make_unique<PathWatch>(
            path, environment_, watcher_, [this] { ++changes_; }, [](LogLevel, std::string_view) {});
        settle(); // the first look counts as a change: what happened before it went unnoticed
        changes_ = 0;
    }
    // Delivers what inotify has and lets the quiet time pass, until nothing comes any more.
    void settle() {
        environment_.run_ready();
        for (int i = 0; i < 10 && (watcher_.deliver() > 0 || environment_.timers() > 0); ++i)
            environment_.advance(milliseconds(200));
    }
    int changes() {
        changes_ = 0;
        settle();
        return changes_;
    }

    tests::TemporaryDirectory directory_;
    tests::ManualEnvironment environment_;
    tests::ManualWatcher watcher_;
    std::unique_ptr<PathWatch> watch_;
    int changes_ = 0;
};

TEST_F(PathWatchTest, NoticesARewriteInPlace) {
    write_text(directory_ / "a", "1");
    watch(directory_ / "a");
    EXPECT_EQ(changes(), 0);
    write_text(directory_ / "a", "2");
    EXPECT_EQ(changes(), 1);
    write_text(directory_ / "a", "3");
    EXPECT_EQ(changes(), 1);
    EXPECT_EQ(changes(), 0);
}

TEST_F(PathWatchTest, NoticesARename) {
    write_text(directory_ / "a", "1");
    watch(directory_ / "a");
    for (int i = 0; i < 3; ++i) {
        write_text(directory_ / "b", "2");
        EXPECT_EQ(changes(), 0) << "another file of the directory";
        fs::rename(directory_ / "b", directory_ / "a");
        EXPECT_EQ(changes(), 1);
    }
}

TEST_F(PathWatchTest, NoticesRemovalAndReturn) {
    write_text(directory_ / "a", "1");
    watch(directory_ / "a");
    fs::remove(directory_ / "a");
    EXPECT_EQ(changes(), 1);
    write_text(directory_ / "a", "2");
    EXPECT_EQ(changes(), 1);
}

TEST_F(PathWatchTest, NoticesTheSwapOfAKubernetesDirectory) {
    fs::create_directory(directory_ / "..v1");
    fs::create_directory_symlink("..v1", directory_ / "..data");
    fs::create_symlink("..data/username", directory_ / "username");
    watch(directory_.path());
    for (int i = 2; i < 5; ++i) {
        auto name = "..v" + std::to_string(i);
        fs::create_directory(directory_ / name);
        write_text(directory_ / (name + "/username"), "u");
        fs::create_directory_symlink(name, directory_ / "..data_tmp");
        EXPECT_EQ(changes(), 0) << "not yet the one that counts";
        fs::rename(directory_ / "..data_tmp", directory_ / "..data");
        EXPECT_GE(changes(), 1);
    }
}

TEST_F(PathWatchTest, NoticesTheSwapBehindAKubernetesFile) {
    fs::create_directory(directory_ / "..v1");
    write_text(directory_ / "..v1/orders.json", "1");
    fs::create_directory_symlink("..v1", directory_ / "..data");
    fs::create_symlink("..data/orders.json", directory_ / "orders.json");
    watch(directory_ / "orders.json");
    std::string old = "..v1";
    for (int i = 2; i < 5; ++i) {
        auto name = "..v" + std::to_string(i);
        fs::create_directory(directory_ / name);
        write_text(directory_ / (name + "/orders.json"), "2");
        fs::create_directory_symlink(name, directory_ / "..data_tmp");
        fs::rename(directory_ / "..data_tmp", directory_ / "..data");
        fs::remove_all(directory_ / old);
        EXPECT_GE(changes(), 1);
        EXPECT_EQ(changes(), 0) << "it comes to rest";
        old = name;
    }
}

TEST_F(PathWatchTest, NoticesAChangeBehindALinkToElsewhere) {
    tests::TemporaryDirectory elsewhere;
    write_text(elsewhere / "target", "1");
    fs::create_symlink(elsewhere / "target", directory_ / "link");
    watch(directory_ / "link");
    write_text(elsewhere / "target", "2");
    EXPECT_EQ(changes(), 1);
    fs::remove(directory_ / "link");
    EXPECT_GE(changes(), 1);
    fs::create_symlink(elsewhere / "other", directory_ / "link");
    EXPECT_GE(changes(), 1);
    write_text(elsewhere / "other", "1");
    EXPECT_GE(changes(), 1);
}

TEST_F(PathWatchTest, WaitsForADirectoryThatIsNotThereYet) {
    watch(directory_ / "a/b/c");
    fs::create_directory(directory_ / "x");
    EXPECT_EQ(changes(), 0);
    fs::create_directory(directory_ / "a");
    EXPECT_GE(changes(), 1);
    fs::create_directory(directory_ / "a/b");
    EXPECT_GE(changes(), 1);
    write_text(directory_ / "a/b/c", "1");
    EXPECT_GE(changes(), 1);
}

TEST_F(PathWatchTest, FollowsADirectoryThatIsMadeAnew) {
    fs::create_directory(directory_ / "d");
    write_text(directory_ / "d/a", "1");
    watch(directory_ / "d/a");
    for (int i = 0; i < 3; ++i) {
        fs::remove_all(directory_ / "d");
        EXPECT_GE(changes(), 1);
        fs::create_directory(directory_ / "d");
        EXPECT_GE(changes(), 1);
        write_text(directory_ / "d/a", "2");
        EXPECT_GE(changes(), 1);
    }
}

TEST_F(PathWatchTest, FollowsADirectoryThatIsReplacedByRename) {
    fs::create_directory(directory_ / "d");
    fs::create_directory(directory_ / "e");
    watch(directory_ / "d");
    write_text(directory_ / "d/username", "1");
    EXPECT_EQ(changes(), 1);
    fs::rename(directory_ / "d", directory_ / "old");
    fs::rename(directory_ / "e", directory_ / "d");
    EXPECT_GE(changes(), 1);
    write_text(directory_ / "old/username", "2");
    EXPECT_EQ(changes(), 0);
    write_text(directory_ / "d/username", "3");
    EXPECT_EQ(changes(), 1);
}

TEST_F(PathWatchTest, ArmsAnewWithoutAnEvent) {
    fs::create_directories(directory_ / "a/b");
    watch(directory_ / "a/b/c");
    fs::rename(directory_ / "a", directory_ / "old"); // no watched directory notices
    fs::create_directories(directory_ / "a/b");
    EXPECT_EQ(changes(), 0);
    watch_->arm();
    EXPECT_EQ(changes(), 1);
    write_text(directory_ / "a/b/c", "1");
    EXPECT_EQ(changes(), 1);
}

TEST_F(PathWatchTest, TakesManyEventsForOneChange) {
    write_text(directory_ / "a", "1");
    watch(directory_ / "a");
    for (int i = 0; i < 3; ++i) {
        write_text(directory_ / "a", "2");
        watcher_.deliver();
        environment_.advance(milliseconds(100));
    }
    EXPECT_EQ(changes_, 0) << "not while it is going on";
    environment_.advance(milliseconds(100));
    EXPECT_EQ(changes_, 1);
}

TEST_F(PathWatchTest, DoesNotWaitForAWriterThatNeverRests) {
    write_text(directory_ / "a", "1");
    watch(directory_ / "a");
    for (int i = 0; i < 11; ++i) {
        write_text(directory_ / "a", "2");
        watcher_.deliver();
        environment_.advance(milliseconds(100));
    }
    EXPECT_EQ(changes_, 1);
}

TEST_F(PathWatchTest, TakesAnOverflowForAChange) {
    write_text(directory_ / "a", "1");
    watch(directory_ / "a");
    std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
    std::size_t limit = 0;
    ASSERT_TRUE(limit_file >> limit);
    if (limit > 200'000)
        GTEST_SKIP() << "the queue is too long to fill: " << limit;
    // Equal events in a row are merged, so two names take turns; neither is ours.
    for (std::size_t i = 0; i <= limit / 2 + 1; ++i)
        for (auto name : {"x", "y"})
            ::close(::open((directory_ / name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_GE(changes(), 1);
    write_text(directory_ / "a", "2");
    EXPECT_EQ(changes(), 1);
}

TEST_F(PathWatchTest, EndsQuietly) {
    write_text(directory_ / "a", "1");
    watch(directory_ / "a");
    write_text(directory_ / "a", "2");
    watcher_.deliver();
    watch_->arm();
    watch_.reset();
    environment_.advance(milliseconds(5000));
    EXPECT_EQ(changes_, 0);
    EXPECT_EQ(watcher_.size(), 0u);
    EXPECT_EQ(environment_.timers(), 0u);
}

TEST(WatchPlan, NamesTheParentsThatMatter) {
    tests::TemporaryDirectory directory;
    fs::create_directory(directory / "d");
    EXPECT_EQ(plan_watches(directory / "f"), (WatchPlan{{directory.path(), {"f"}}}));
    EXPECT_EQ(plan_watches(directory / "./d//../f"), (WatchPlan{{directory.path(), {"f"}}}));
    EXPECT_EQ(plan_watches(directory / "no/f"), (WatchPlan{{directory.path(), {"no"}}}));
    EXPECT_EQ(plan_watches(directory / "d"),
              (WatchPlan{{directory.path(), {"d"}}, {directory / "d", {"..data", "password", "username"}}}));
    EXPECT_EQ(plan_watches("/no-such-directory/f"), (WatchPlan{{"/", {"no-such-directory"}}}));
}

TEST(WatchPlan, FollowsLinksAndEndsInALoop) {
    tests::TemporaryDirectory directory;
    fs::create_directory(directory / "real");
    fs::create_directory_symlink("real", directory / "link");
    EXPECT_EQ(plan_watches(directory / "link/f"),
              (WatchPlan{{directory.path(), {"link"}}, {directory / "real", {"f"}}}));
    fs::create_symlink("loop", directory / "loop");
    EXPECT_EQ(plan_watches(directory / "loop"), (WatchPlan{{directory.path(), {"loop"}}}));
}

} // namespace
} // namespace rekey::rotation
