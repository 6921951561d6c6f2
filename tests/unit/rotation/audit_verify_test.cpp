#include "tests/unit/rotation/audit_log.hpp"

namespace rekey::rotation {
namespace {

namespace fs = std::filesystem;
using tests::read_text;
using tests::write_text;

TEST_F(AuditLog, VerifiesBeforeTheFirstRecord) {
    write(0);
    EXPECT_TRUE(verify().ok);
    EXPECT_EQ(verify().lines, 0u);
}

TEST_F(AuditLog, FindsEveryAlteredByte) {
    write(3);
    auto original = lines();
    for (std::size_t index = 0; index < original.size(); ++index)
        for (std::size_t at = 0; at + 1 < original[index].size(); ++at) {
            auto altered = original;
            altered[index][at] = static_cast<char>(altered[index][at] ^ 2);
            put(altered);
            auto verdict = verify();
            ASSERT_FALSE(verdict.ok) << index << ":" << at;
            ASSERT_EQ(verdict.bad_line, index + 1) << at << verdict.reason;
        }
}

TEST_F(AuditLog, FindsALineThatWasAlteredAndHashedAgain) {
    write(4);
    auto altered = lines();
    altered[1] = forged(99, hash_of(altered[0]));
    put(altered);
    expect_bad(3);
    altered = lines();
    altered[3] = forged(99, hash_of(altered[2]));
    put(altered);
    EXPECT_FALSE(verify().ok);
}

TEST_F(AuditLog, FindsAnAlteredLastLineByTheHead) {
    write(3);
    auto altered = lines();
    altered[2] = forged(99, hash_of(altered[1]));
    put(altered);
    expect_bad(3);
}

TEST_F(AuditLog, FindsRemovedLines) {
    write(5);
    auto original = lines();
    for (std::size_t index = 0; index < original.size(); ++index) {
        auto some = original;
        some.erase(some.begin() + static_cast<std::ptrdiff_t>(index));
        put(some);
        expect_bad(index == 4 ? 4 : index + 1);
    }
}

TEST_F(AuditLog, FindsAMissingTailOfAnyLength) {
    write(5);
    auto some = lines();
    while (!some.empty()) {
        some.pop_back();
        put(some);
        auto verdict = verify();
        EXPECT_FALSE(verdict.ok);
        EXPECT_NE(verdict.reason.find("removed at the end"), std::string::npos) << verdict.reason;
    }
}

TEST_F(AuditLog, FindsInsertedLines) {
    write(3);
    auto original = lines();
    for (std::size_t index = 0; index < original.size(); ++index) {
        auto more = original;
        more.insert(more.begin() + static_cast<std::ptrdiff_t>(index), "{\"event\":\"publish\"}\n");
        put(more);
        expect_bad(index + 1);
        more[index] = original[0];
        put(more);
        EXPECT_FALSE(verify().ok);
    }
    auto more = original;
    more.push_back("\n");
    put(more);
    expect_bad(4);
}

TEST_F(AuditLog, FindsLinesAddedToTheEnd) {
    write(2);
    auto more = lines();
    more.push_back(forged(3, hash_of(more[1])));
    put(more);
    EXPECT_TRUE(verify().ok) << "a crash between log and head looks just so";
    more.push_back(forged(4, hash_of(more[2])));
    put(more);
    EXPECT_FALSE(verify().ok);
}

TEST_F(AuditLog, FindsReorderedLines) {
    write(4);
    auto swapped = lines();
    std::swap(swapped[1], swapped[2]);
    put(swapped);
    expect_bad(2);
}

TEST_F(AuditLog, FindsALogThatWasReplaced) {
    write(3);
    std::string previous = audit_genesis(), text;
    for (std::uint64_t i = 0; i < 3; ++i) {
        auto line = forged(50 + i, previous);
        previous = hash_of(line);
        text += line;
    }
    write_text(path_, text);
    expect_bad(3);
}

TEST_F(AuditLog, DoesNotVouchForTheEndWithoutAHead) {
    write(3);
    fs::remove(path_ + ".head");
    EXPECT_FALSE(verify().ok);
    EXPECT_NE(verify().reason.find("head"), std::string::npos);
    write_text(path_ + ".head", "nonsense");
    EXPECT_FALSE(verify().ok);
}

TEST_F(AuditLog, SaysWhyItCannotBeRead) {
    auto verdict = verify();
    EXPECT_FALSE(verdict.ok);
    EXPECT_NE(verdict.reason.find(path_), std::string::npos);
}

TEST_F(AuditLog, RefusesAnEndlessLineWithoutReadingItWhole) {
    write(1);
    auto text = read_text(path_) + std::string(5u << 20, 'x') + "\n";
    write_text(path_, text);
    expect_bad(2);
}

TEST(AuditHead, ReadsWhatItWrote) {
    AuditHead head{18446744073709551615u, Sha256::hex_of("x")};
    auto text = encode_audit_head(head);
    auto back = decode_audit_head(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->records, head.records);
    EXPECT_EQ(back->hash, head.hash);
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(decode_audit_head(text.substr(0, size)));
    EXPECT_FALSE(decode_audit_head(text + "\n"));
    text[3] = 'x';
    EXPECT_FALSE(decode_audit_head(text));
}

} // namespace
} // namespace rekey::rotation
