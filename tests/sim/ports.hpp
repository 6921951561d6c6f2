// The ports that the rotator sees, over the fake server; and the disk that outlives the process.
#pragma once

#include "rotation/credential_store.hpp"
#include "rotation/ports.hpp"
#include "rotation/source.hpp"
#include "tests/sim/loop.hpp"
#include "tests/sim/server.hpp"
#include "tests/sim/tally.hpp"

#include <map>
#include <memory>
#include <string>

namespace rekey::sim {

class SimProber final : public rotation::Prober {
  public:
    SimProber(Loop& loop, Server& server) : loop_(loop), server_(server) {}
    void probe(rotation::CredentialPtr credential, bool keep,
               std::function<void(rotation::ProbeReport)> done) override;

    std::function<void(const std::string&)> trace;
    // The latest report about each version in this process, for must 1.
    std::map<std::string, rotation::ProbeReport> reports;

  private:
    Loop& loop_;
    Server& server_;
};

class SimAdministrator final : public rotation::Administrator {
  public:
    SimAdministrator(Loop& loop, Server& server, Tally& tally) : loop_(loop), server_(server), tally_(tally) {}
    void run(const std::string& credential_name, rotation::CredentialPtr login, std::vector<std::string> statements,
             std::function<void(rotation::StatementResult)> done) override;

    // The answer to a coming statement is lost: before the server saw it, after, or it arrives a second late.
    enum class Lost { none, before, after, late } lose = Lost::none;

  private:
    struct Run;
    void next(const std::shared_ptr<Run>& run);
    void finish(const std::shared_ptr<Run>& run, std::string sqlstate, std::string reason);
    bool lost(const std::shared_ptr<Run>& run);

    Loop& loop_;
    Server& server_;
    Tally& tally_;
};

// What is durable. Faults are set by the scenario; crashes strike before and after each write.
class Disk {
  public:
    std::optional<rotation::StoreEntry> entry;
    bool writable = true, readable = true;
    bool next_write_lies = false; // durable, but reported as failed
    bool ever_failed = false;
};

class SimStore final : public rotation::CredentialStore {
  public:
    SimStore(Loop& loop, Disk& disk, Server& server, Tally& tally)
        : loop_(loop), disk_(disk), server_(server), tally_(tally) {}
    rotation::StoreError read(std::string_view credential, std::optional<rotation::StoreEntry>& entry) override;
    rotation::StoreError write(std::string_view credential, rotation::StoreEntry& entry) override;
    rotation::StoreError read_value(std::string_view, std::optional<protocol::Secret>&) override {
        return rotation::StoreError::none;
    }
    rotation::StoreError write_value(std::string_view, const protocol::Secret&) override {
        return rotation::StoreError::none;
    }

  private:
    void check_pending(const rotation::StoreEntry& entry) const;

    Loop& loop_;
    Disk& disk_;
    Server& server_;
    Tally& tally_;
};

// What the operator's secret store holds.
struct Vault {
    std::string username, password, version;
    bool reachable = true;
    bool pushes = true;
    std::function<void()> changed; // the process's watch
    struct Version {
        std::string password, name;
    };
    bool keeps_others = false;
    std::optional<Version> pending{}, previous{}; // beside the current one
    std::function<void()> news{};                   // the process learns of another version
    std::function<std::string()> begin_rotation{};  // of its own: names the version to come, or nothing; null: none
};

class SimSource final : public rotation::Source {
  public:
    SimSource(Loop& loop, Vault& vault) : loop_(loop), vault_(vault) {}
    ~SimSource() override { vault_.changed = nullptr; }
    std::string_view type() const override { return "file"; }
    void fetch(std::function<void(rotation::FetchResult)> done) override;
    void watch(std::function<void()> changed) override { vault_.changed = std::move(changed); }
    bool keeps_others() const override { return vault_.keeps_others; }
    void fetch_others(std::function<void(std::vector<rotation::Fetched>)> done) override;
    rotation::Rotates rotates() const override {
        return vault_.begin_rotation ? rotation::Rotates::in_time : rotation::Rotates::no;
    }
    void rotate(std::function<void(std::string)> done) override;

  private:
    bool rotating(const std::string& version) const { return !awaited_.empty() && version != awaited_; }

    Loop& loop_;
    Vault& vault_;
    bool fetching_ = false;
    std::string handed_out_; // version
    std::string awaited_;    // the version that the store's own rotation makes
};

} // namespace rekey::sim
