#include "tests/support/child.hpp"
#include "tests/unit/rotation/audit_log.hpp"

#include <boost/json.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <random>

namespace rekey::rotation {
namespace {

namespace fs = std::filesystem;
using tests::read_text;
using tests::write_text;

TEST_F(AuditLog, HoldsOneObjectALineWithTheKeysInOrder) {
    write(1);
    auto text = read_text(path_);
    auto object = boost::json::parse(std::string_view(text).substr(0, text.size() - 1)).as_object();
    std::vector<std::string> keys;
    for (const auto& member : object)
        keys.emplace_back(member.key());
    EXPECT_EQ(keys, (std::vector<std::string>{"time", "event", "credential", "rotation", "generation", "result",
                                              "details", "previous", "hash"}));
    EXPECT_EQ(object["time"].as_string(), "2027-01-15T08:00:00.042Z");
    EXPECT_EQ(object["event"].as_string(), "publish");
    EXPECT_EQ(object["credential"].as_string(), "orders");
    EXPECT_EQ(object["rotation"].as_string(), "r-1");
    EXPECT_EQ(object["generation"].as_int64(), 1);
    EXPECT_EQ(object["details"].as_object()["backends"].as_string(), "20");
    EXPECT_EQ(object["previous"].as_string(), std::string(64, '0'));
}

TEST_F(AuditLog, HashesTheLineUpToTheHash) {
    write(1);
    auto line = lines()[0];
    auto hashed = line.substr(0, line.find(",\"hash\":"));
    EXPECT_EQ(hash_of(line), Sha256::hex_of(hashed));
    EXPECT_EQ(Sha256::hex_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(AuditLog, IsForTheOwnerOnly) {
    auto mask = ::umask(0);
    write(1);
    ::umask(mask);
    for (const auto& path : {path_, path_ + ".head"}) {
        struct stat status{};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600u) << path;
    }
}

TEST_F(AuditLog, ContinuesTheChainOverRestarts) {
    write(3);
    write(2);
    auto verdict = verify();
    EXPECT_TRUE(verdict.ok) << verdict.reason;
    EXPECT_EQ(verdict.lines, 5u);
    EXPECT_EQ(verdict.reason, "");
}

TEST_F(AuditLog, VerifiesWhileItIsWritten) {
    AuditFile file(path_);
    for (std::uint64_t i = 1; i <= 20; ++i) {
        file.record(record_of(i));
        auto verdict = verify();
        ASSERT_TRUE(verdict.ok) << verdict.reason;
        ASSERT_EQ(verdict.lines, i);
    }
}

TEST_F(AuditLog, TakesAnyBytesInATextAndStaysJson) {
    AuditFile file(path_);
    auto record = record_of(1);
    constexpr char bytes[] = "line\nbreak \"quote\" \\ nul\0 \xff\xfe \xed\xa0\x80 \xc0\xaf ok \xe2\x82\xac";
    record.result = std::string(bytes, sizeof bytes - 1);
    record.details = {{"\xff", "\xf4\x90\x80\x80"}, {"same", "1"}, {"same", "2"}};
    file.record(record);
    EXPECT_TRUE(verify().ok) << verify().reason;
    auto line = lines()[0];
    EXPECT_EQ(lines().size(), 1u);
    EXPECT_NO_THROW(boost::json::parse(std::string_view(line).substr(0, line.size() - 1)));
    EXPECT_NE(line.find("\xef\xbf\xbd"), std::string::npos);
}

TEST_F(AuditLog, AccountsForALineCutShortByACrash) {
    write(2);
    auto whole = read_text(path_);
    auto next = forged(3, hash_of(lines()[1]));
    for (std::size_t size = 1; size + 1 < next.size(); size += 7) {
        write_text(path_, whole + next.substr(0, size));
        write_text(path_ + ".head", encode_audit_head({2, hash_of(lines()[1])}));
        auto verdict = verify();
        ASSERT_TRUE(verdict.ok) << verdict.reason;
        ASSERT_NE(verdict.reason.find("line 3 was cut short"), std::string::npos) << verdict.reason;
        write_text(path_ + ".head", encode_audit_head({3, hash_of(next)}));
        ASSERT_FALSE(verify().ok) << "the head knows of a third record";
        write_text(path_ + ".head", encode_audit_head({2, hash_of(lines()[1])}));
        write(1);
        verdict = verify();
        ASSERT_TRUE(verdict.ok) << verdict.reason;
        ASSERT_EQ(verdict.lines, 5u);
        ASSERT_NE(verdict.reason.find("line 3 was cut short"), std::string::npos) << verdict.reason;
        ASSERT_NE(lines()[3].find("torn_line"), std::string::npos);
        auto altered = lines();
        altered[2][0] = '#';
        put(altered);
        expect_bad(3);
    }
}

TEST_F(AuditLog, AccountsForACrashWhileAccounting) {
    write(2);
    auto head = read_text(path_ + ".head");
    write_text(path_, read_text(path_) + "{\"time\":\"20");
    write_text(path_, read_text(path_) + "\n{\"time\":\"2027-01-15T0");
    write(1);
    auto verdict = verify();
    EXPECT_TRUE(verdict.ok) << verdict.reason;
}

TEST_F(AuditLog, CompletesALineThatLacksOnlyItsNewline) {
    write(2);
    auto text = read_text(path_);
    write_text(path_, text.substr(0, text.size() - 1));
    EXPECT_TRUE(verify().ok) << verify().reason;
    write(1);
    EXPECT_TRUE(verify().ok) << verify().reason;
    EXPECT_EQ(verify().lines, 3u);
}

TEST_F(AuditLog, CatchesUpWithACrashBeforeTheHead) {
    write(3);
    auto head = AuditHead{2, hash_of(lines()[1])};
    write_text(path_ + ".head", encode_audit_head(head));
    EXPECT_TRUE(verify().ok) << verify().reason;
    write(1);
    EXPECT_TRUE(verify().ok) << verify().reason;
    EXPECT_EQ(verify().lines, 4u);
}

TEST_F(AuditLog, KeepsDamageVisibleWhenItGoesOn) {
    write(5);
    auto some = lines();
    some.resize(3);
    put(some);
    write(4); // longer than before: without a note nobody would see it
    auto verdict = verify();
    EXPECT_FALSE(verdict.ok);
    EXPECT_EQ(verdict.bad_line, 4u);
    EXPECT_NE(verdict.reason.find("5 records were written, 3 are left"), std::string::npos) << verdict.reason;
    auto count = lines().size();
    write(1);
    EXPECT_EQ(lines().size(), count + 1) << "noted once";
}

TEST_F(AuditLog, KeepsARemovedHeadVisible) {
    write(2);
    fs::remove(path_ + ".head");
    write(1);
    expect_bad(3);
}

TEST_F(AuditLog, KeepsAnAlteredLineVisible) {
    write(3);
    auto altered = lines();
    altered[1][10] = '#';
    put(altered);
    write(2);
    expect_bad(2);
    write(1);
    expect_bad(2);
}

TEST_F(AuditLog, HasOneWriter) {
    AuditFile first(path_);
    AuditFile second(path_);
    EXPECT_NE(second.error(), "");
    second.record(record_of(1));
    EXPECT_EQ(second.lost(), 1u);
    first.record(record_of(1));
    EXPECT_EQ(first.error(), "");
    EXPECT_TRUE(verify().ok);
}

TEST_F(AuditLog, CountsWhatCouldNotBeWrittenAndSaysSoLater) {
    path_ = directory_ / "later/audit.jsonl";
    AuditFile file(path_);
    EXPECT_NE(file.error().find(path_), std::string::npos);
    file.record(record_of(1));
    file.record(record_of(2));
    EXPECT_EQ(file.lost(), 2u);
    fs::create_directory(directory_ / "later");
    file.record(record_of(3));
    EXPECT_EQ(file.error(), "");
    EXPECT_EQ(file.lost(), 2u);
    auto verdict = verify();
    EXPECT_TRUE(verdict.ok) << verdict.reason;
    EXPECT_EQ(verdict.lines, 2u);
    EXPECT_NE(verdict.reason.find("2 record(s)"), std::string::npos) << verdict.reason;
}

TEST_F(AuditLog, ComesThroughAFullDisk) {
    AuditFile file(path_);
    file.record(record_of(1));
    struct rlimit_guard {
        rlimit saved{};
        rlimit_guard() { ::getrlimit(RLIMIT_FSIZE, &saved); }
        ~rlimit_guard() { ::setrlimit(RLIMIT_FSIZE, &saved); }
    } guard;
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit full = guard.saved;
    full.rlim_cur = fs::file_size(path_) + 50; // the next record fits in part
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    file.record(record_of(2));
    EXPECT_NE(file.error(), "");
    file.record(record_of(3));
    EXPECT_EQ(file.lost(), 2u);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &guard.saved), 0);
    file.record(record_of(4));
    EXPECT_EQ(file.error(), "");
    auto verdict = verify();
    EXPECT_TRUE(verdict.ok) << verdict.reason;
    EXPECT_NE(verdict.reason.find("2 record(s)"), std::string::npos) << verdict.reason;
    EXPECT_NE(verdict.reason.find("cut short"), std::string::npos) << verdict.reason;
}

TEST_F(AuditLog, RefusesWhatIsNoFile) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    AuditFile file(path_);
    EXPECT_NE(file.error(), "");
    EXPECT_FALSE(verify().ok);
}

TEST_F(AuditLog, VerifiesAfterEveryKill) {
    std::mt19937 random(11); // NOLINT: the same moments every time
    for (int round = 0; round < 50; ++round) {
        tests::Child writer([this](int written) {
            AuditFile file(path_);
            std::uint64_t i = 0;
            do
                file.record(record_of(++i));
            while (::write(written, "w", 1) == 1);
        });
        ASSERT_TRUE(writer.kill_after(1 + random() % 4, random() % 20'000));
        auto verdict = verify();
        ASSERT_TRUE(verdict.ok) << verdict.reason;
    }
}

TEST(AuditEvent, EveryEventHasItsName) {
    EXPECT_EQ(to_string(AuditEvent::start), "start");
    EXPECT_EQ(to_string(AuditEvent::fetch), "fetch");
    EXPECT_EQ(to_string(AuditEvent::prove), "prove");
    EXPECT_EQ(to_string(AuditEvent::done), "done");
}

} // namespace
} // namespace rekey::rotation
