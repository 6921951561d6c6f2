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
    start, fetch, verify, stage, alter, test, promote, publish, replace, hold, rollback, prove, revoke, recover, done,
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

// Appends to `path` (0600), continuing the chain of what is there. A line that could not be written is reported once
// by `error()` and counted.
class AuditFile final : public Audit {
  public:
    explicit AuditFile(std::string path);
    ~AuditFile() override;
    void record(const AuditRecord& record) override;
    const std::string& error() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

struct AuditVerdict {
    bool ok = false;
    std::uint64_t lines = 0;
    std::uint64_t bad_line = 0; // from 1
    std::string reason;
};
AuditVerdict verify_audit_file(const std::string& path);

} // namespace rekey::rotation
