// A credential that the store makes for us: an account of its own with every fetch, which lives as long as its lease.
//
//   granted ─ ⅔ of what is left ─▶ renewed ─ … ─▶ no renewal brings more ─ ⅓ ─▶ the next one: verified, published,
//   every backend replaced ─▶ the old lease is revoked
//
// While the store is away the lease is renewed as soon as it is back. Shortly before the lease ends everything of it is
// withdrawn, since its account does not live on in open sessions. Leases that nobody uses any more are revoked, or end.
#pragma once

#include "rotation/rotator_core.hpp"

#include <deque>

namespace rekey::rotation {

// When what is granted now ends, and when to ask for more.
struct Grant {
    Clock::time_point end{}, due{};
    std::chrono::milliseconds life{0}; // as it was granted last
    bool renewable = false;
};
// `random` spreads `due` over a tenth of the life, so that many processes do not ask at once.
Grant grant_of(const Lease& lease, Clock::time_point asked, std::uint64_t random);
// The same lease, renewed. One that got less than before has met its longest life, and is succeeded at a third of it.
Grant renewed_grant(const Grant& before, const Lease& lease, Clock::time_point asked, std::uint64_t random);
// From here on its backends close: a tenth of its life before the end, 1 s at least and 10 s at most.
Clock::time_point withdrawn_from(const Grant& grant);

class LeasedRotator final : public RotatorCore {
  public:
    LeasedRotator(const config::Credential& configuration, std::unique_ptr<Source> source, const RotatorPorts& ports)
        : RotatorCore(configuration, ports), source_(std::move(source)) {}
    ~LeasedRotator() override { LeasedRotator::stop(); }
    void stop() override;
    RotatorStatus status() const override;

  protected:
    Flow<> run() override;
    Flow<RotateReply> settle(DrainOrder order) override;
    std::string plan() const override;
    bool joins(const RotateRequest&) const override { return false; }

  private:
    struct Spent { // a lease without use
        std::string lease;
        Clock::time_point end;
    };
    struct Candidate {
        CredentialPtr credential;
        Grant grant;
    };

    Flow<> look();
    bool wants_another() const;
    Flow<> renew();
    Flow<> obtain();
    Flow<bool> fetch();
    Flow<> try_candidate();
    Flow<> fall_back();
    Flow<> revoke_spent();
    void adopt();
    void extend(const Grant& grant);
    void arm();
    void withdraw();
    void give_up_candidate();
    void spend(const std::string& lease, Clock::time_point end);
    void remember_left_over();
    void failed(const std::string& error);
    void conclude();
    Clock::time_point next_look();
    Clock::time_point steady(std::chrono::system_clock::time_point wall) const;
    std::chrono::system_clock::time_point wall(Clock::time_point steady) const;

    std::unique_ptr<Source> source_;
    Grant grant_;                        // of current_
    std::optional<Candidate> candidate_; // fetched, not verified yet
    std::deque<Spent> spent_;
    std::optional<Clock::time_point> end_of_old_; // of the oldest generation that the drain under way replaces
    bool gone_ = false;      // the store says that the lease has ended
    bool inherited_ = false; // from before a restart: its token may not be ours, so it is replaced at once
    bool withdrawn_ = false;
    std::optional<Clock::time_point> retry_at_, revoke_at_;
    std::string last_error_; // of the store, audited once
    BackOff retry_ = fetch_back_off, start_retry_ = start_back_off, revoke_retry_ = fetch_back_off;
    std::uint64_t end_timer_ = 0;
};

} // namespace rekey::rotation
