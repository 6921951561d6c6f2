// A credential that somebody else rotates: fetch, notice, verify, publish.
//
//   a look: fetched ─ the same ─▶ nothing to do
//                   ─ another ─▶ verified ─▶ published, or known as refused until something speaks for it
//   asked for, where the store rotates itself: triggered, then looked at until it is over
//   when what serves is refused, and the source is of no help: what else the store keeps, then what served before
#pragma once

#include "rotation/rotator_core.hpp"

namespace rekey::rotation {

// How one look at the source ended; decides when to look again.
enum class Look { well, fetch_failed, unverified, refused };

class FollowedRotator final : public RotatorCore {
  public:
    FollowedRotator(const config::Credential& configuration, std::unique_ptr<Source> source, const RotatorPorts& ports)
        : RotatorCore(configuration, ports), source_(std::move(source)) {}
    ~FollowedRotator() override { FollowedRotator::stop(); }

    void stop() override;
    RotatorStatus status() const override;

  protected:
    Flow<> run() override;
    Flow<RotateReply> settle(DrainOrder order) override;
    std::string plan() const override;
    bool joins(const RotateRequest&) const override { return false; } // it means: fetch now

  private:
    Flow<Look> look();
    Flow<> trigger();
    Flow<Look> consider(Fetched fetched);
    Flow<Look> fall_back(Look otherwise);
    Flow<bool> try_others();
    CredentialPtr candidate_of(Fetched fetched, std::uint64_t generation) const;
    bool serves_ahead() const { return current_ && !uncertain_ && current_->version == ahead_; }
    void follow();
    void end_following();
    void unchanged();
    void adopt(CredentialPtr candidate, RotateReply reply);
    void reuse(CredentialPtr candidate);
    void fetch_failed(const std::string& error);
    void conclude(Look look);
    Clock::time_point next_look(Look look);

    static constexpr std::chrono::milliseconds follow_interval{1000}; // between looks while the store rotates

    std::unique_ptr<Source> source_;
    BackOff fetch_retry_ = fetch_back_off, start_retry_ = start_back_off, refused_retry_ = refused_back_off,
            condemned_retry_ = condemned_back_off;
    std::string last_fetched_;                            // version
    bool moved_ = false;                                  // the source says something else than the time before
    std::string ahead_;                                   // the version that serves before the source has it
    std::optional<Clock::time_point> forgive_at_;         // every candidate is condemned until then
    std::string fetch_error_;                             // the last one in a row, audited once
    std::string trigger_error_;                           // of the store's own rotation, in this look
    bool paused_ = false;                                 // logins wait for the end of this look
    std::vector<Asked> followers_;                        // whose rotation goes on at the store
    std::optional<Clock::time_point> follow_until_;       // it does, and is given up then
    bool rotating_ = false;                               // with that: what was fetched last is not what it brings
    std::optional<std::chrono::milliseconds> look_again_; // the source's, from the last fetch
};

} // namespace rekey::rotation
