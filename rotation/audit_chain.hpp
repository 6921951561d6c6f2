// The lines of the audit log and the chain through them; no I/O. docs/audit.md describes the format.
#pragma once

#include "rotation/audit.hpp"

#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rekey::rotation {

// What Rekey notes about the log itself: a record with the event `recover` and one of these results.
inline constexpr std::string_view audit_torn_line = "torn_line";
inline constexpr std::string_view audit_log_damaged = "log_damaged";
inline constexpr std::string_view audit_records_lost = "records_lost";

inline constexpr std::size_t audit_longest_line = 1 << 20;

class Sha256 {
  public:
    Sha256();
    void add(std::string_view bytes);
    std::string hex(); // once
    static std::string hex_of(std::string_view bytes);

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// The hash before the first record.
std::string audit_genesis();

// One line without its newline. `hash` receives its hash, the `previous` of the next line.
std::string encode_audit_line(const AuditRecord& record, const std::string& previous, std::string& hash);

struct AuditLine {
    std::string previous, hash;
    std::string note;                // result of a note about the log, else empty
    std::string torn_sha256, reason; // details of notes
    std::string count;
};
// Empty unless the line is what encode_audit_line() makes and its hash is right.
std::optional<AuditLine> decode_audit_line(std::string_view line);

// The last record and how many there are, kept beside the log.
struct AuditHead {
    std::uint64_t records = 0;
    std::string hash = audit_genesis();
};
// Always of the same length, so that it is replaced in place.
std::string encode_audit_head(const AuditHead& head);
std::optional<AuditHead> decode_audit_head(std::string_view text);

// Follows the chain line by line.
class AuditChain {
  public:
    explicit AuditChain(std::optional<AuditHead> head) : head_(std::move(head)) {}

    // `line` without its newline.
    void add(std::string_view line);

    std::uint64_t lines() const { return lines_; }
    const AuditHead& end() const { return end_; }
    bool torn() const { return torn_bytes_ > 0; }
    std::uint64_t torn_bytes() const { return torn_bytes_; }
    std::string torn_sha256() { return torn_.hex(); } // once, when torn()

    // `head` is read again when the log was being written while it was read. `ends_whole`: the last line has its
    // newline.
    AuditVerdict verdict(const std::optional<AuditHead>& head_afterwards, bool ends_whole) const;
    // The damage that must be noted before the log is continued; empty when there is none, or the last note says it
    // already. A torn end is not damage.
    std::string damage() const;

  private:
    void add_record(AuditLine line);
    void add_note(const AuditLine& line);
    void bad(std::uint64_t line, std::string reason);
    std::string judge_head(const std::optional<AuditHead>& head_afterwards) const;

    std::optional<AuditHead> head_;
    AuditHead end_;
    std::uint64_t lines_ = 0;
    bool head_found_ = false; // the record that head_ names is in the log
    std::uint64_t torn_line_ = 0, torn_bytes_ = 0;
    Sha256 torn_;
    std::uint64_t bad_line_ = 0;
    std::string reason_, notes_;
    std::uint64_t noted_line_ = 0; // first damage that an earlier run found, and what the last note says
    std::string noted_;
};

} // namespace rekey::rotation
