// The audit log: one JSON object a line, each with the hash of the line before (SHA-256), so that a removed or altered
// line shows. Never holds a secret. Control thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::rotation {

enum class AuditEvent {
    start,
    fetch,
    verify,
    stage,
    alter,
    test,
    promote,
    publish,
    replace,
    hold,
    rollback,
    prove,
    revoke,
    recover,
    done,
};
std::string_view to_string(AuditEvent event);

struct AuditRecord {
    std::chrono::system_clock::time_point time;
    AuditEvent event = AuditEvent::start;
    std::string credential;
    std::string rotation_id;
    std::uint64_t generation = 0;
    std::string result; // ok, or what happened
    std::vector<std::pair<std::string, std::string>> details;
};

class Audit {
  public:
    virtual ~Audit() = default;
    virtual void record(const AuditRecord& record) = 0;
};

// Appends to `path` (0600), continuing the chain of what is there; the last hash is also kept in `path`.head, so that
// lines missing at the end show. Both are on disk when record() returns (two fdatasyncs). What a crash, a full disk or
// somebody else did to the file is noted in it as a record of its own. docs/audit.md describes the format.
class AuditFile final : public Audit {
  public:
    explicit AuditFile(std::string path);
    ~AuditFile() override;
    void record(const AuditRecord& record) override;
    // Why the last record, or the head after it, could not be written; empty after a success. Tried again each time.
    const std::string& error() const;
    // Records that could not be written since the start.
    std::uint64_t lost() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

struct AuditVerdict {
    bool ok = false;
    std::uint64_t lines = 0;
    std::uint64_t bad_line = 0; // from 1
    std::string reason; // with `ok`: what is noted in the log itself (a line cut short by a crash); usually empty
};
// May be called while the log is being written.
AuditVerdict verify_audit_file(const std::string& path);

} // namespace rekey::rotation
