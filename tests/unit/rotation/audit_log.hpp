// An audit log in a directory of its own, to be written, tampered with and verified.
#pragma once

#include "rotation/audit.hpp"
#include "rotation/audit_chain.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rekey::rotation {

inline AuditRecord record_of(std::uint64_t generation) {
    AuditRecord record;
    record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'800'000'000'042));
    record.event = AuditEvent::publish;
    record.credential = "orders";
    record.rotation_id = "r-1";
    record.generation = generation;
    record.result = "ok";
    record.details = {{"backends", "20"}};
    return record;
}

class AuditLog : public ::testing::Test {
  protected:
    void write(std::uint64_t count) {
        AuditFile file(path_);
        for (std::uint64_t i = 1; i <= count; ++i)
            file.record(record_of(i));
        EXPECT_EQ(file.error(), "");
    }
    std::vector<std::string> lines() const {
        std::vector<std::string> found;
        auto text = tests::read_text(path_);
        for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
            found.push_back(text.substr(at, end - at + 1));
        return found;
    }
    void put(const std::vector<std::string>& lines) {
        std::string text;
        for (const auto& line : lines)
            text += line;
        tests::write_text(path_, text);
    }
    AuditVerdict verify() const { return verify_audit_file(path_); }
    void expect_bad(std::uint64_t line) const {
        auto verdict = verify();
        EXPECT_FALSE(verdict.ok);
        EXPECT_EQ(verdict.bad_line, line) << verdict.reason;
        EXPECT_NE(verdict.reason, "");
    }
    // A line as Rekey would make it: its own hash is right.
    static std::string forged(std::uint64_t generation, const std::string& previous) {
        std::string hash;
        return encode_audit_line(record_of(generation), previous, hash) + "\n";
    }
    static std::string hash_of(const std::string& line) { return line.substr(line.size() - 67, 64); }

    tests::TemporaryDirectory directory_;
    std::string path_ = directory_ / "audit.jsonl";
};

} // namespace rekey::rotation
