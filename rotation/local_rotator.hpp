// A credential that Rekey rotates itself, with its own store as the source of truth.
//
// Write-ahead: durable PENDING → change at the database → test login → promote → publish and replace → retire → prove.
// At every instant the password the database accepts is CURRENT, PENDING or PREVIOUS in the store, so a crash anywhere
// is recovered by trying PENDING, CURRENT, PREVIOUS, and going on from what the journal says. A PENDING of unknown fate
// is used again, never overwritten.
#pragma once

#include "rotation/rotator_core.hpp"

namespace rekey::rotation {

class LocalRotator final : public RotatorCore {
  public:
    LocalRotator(const config::Credential& configuration, const RotatorPorts& ports)
        : RotatorCore(configuration, ports) {}
    ~LocalRotator() override { RotatorCore::stop(); }

  protected:
    Flow<> run() override;
    Flow<RotateReply> settle(DrainOrder order) override;
    std::string plan() const override;
    bool joins(const RotateRequest& request) const override;

  private:
    enum class Changed { yes, no, unknown };

    // local_rotator.cpp: what serves, and when to rotate
    Flow<> load();
    Flow<> seek();
    Flow<bool> try_candidate(const StoredCredential& stored, void (LocalRotator::*accepted)());
    void take_pending();
    void take_current();
    void take_previous();
    void nothing_works();
    bool rotation_due() const;
    void plan_next(WallTime began);
    Clock::time_point next_time();

    // local_rotation.cpp: one rotation, up to its publication
    Flow<> rotate_once();
    Flow<std::string> attempt(); // why it is held; empty: published
    bool unrefused() const;
    std::string stage();
    void abandon();
    Flow<bool> inspect(Task task, std::string user);
    Flow<std::string> prepare();
    Flow<Changed> change();
    Flow<bool> test(bool only_once);
    void promote();
    Flow<StatementResult> administer(CredentialPtr login, std::vector<std::string> statements);
    CredentialPtr admin() const;

    // local_settle.cpp
    Flow<> save_for_sure();
    Flow<> retire_previous();
    Flow<std::string> prove_previous();
    void give_up_waiting(Clock::time_point since);
    void finish();

    bool critical_ = false;  // between stage and publication
    bool recovering_ = false;
    bool emergency_ = false;
    std::optional<std::chrono::milliseconds> deadline_;
    Answers answers_;        // what the database told before the change or the retirement under way
    bool resume_ = false;    // an interrupted rotation is to be completed
    Clock::time_point not_before_{};               // after a rotation that was held
    std::optional<Clock::time_point> seek_at_;     // the next try when nothing serves
    bool planned_ = false;
    BackOff rotation_retry_ = rotation_back_off, start_retry_ = start_back_off, refused_retry_ = refused_back_off,
            condemned_retry_ = condemned_back_off;
};

} // namespace rekey::rotation
