// What every rotator does alike: verify, publish, drain (replace, then settle), prove, answer, remember.
//
// Two flows on the control thread: `main_` decides what is current (run(), in the derived class), `drain_` follows a
// publication to its end. A newer publication destroys the drain of the one before. Neither ever destroys itself;
// callbacks to the outside are posted, so that stop() may be called from them.
#pragma once

#include "rotation/flow.hpp"
#include "rotation/refresh_schedule.hpp"
#include "rotation/refusals.hpp"
#include "rotation/rotator.hpp"
#include "rotation/settings.hpp"

#include <vector>

namespace rekey::rotation {

// A standby may still have the old password for as long as it lags; it is asked again at these distances (together
// `replay_grace`, 10 s), which keeps the refused logins of one rotation at three.
inline constexpr std::array<std::chrono::seconds, 2> replay_grace_steps{std::chrono::seconds(2),
                                                                        std::chrono::seconds(8)};
// How long a standby's refusal alone keeps a credential away.
inline constexpr std::chrono::seconds lagging_retry{60};
// With a policy that ends pinned sessions: how long their ends may take after the deadline.
inline constexpr std::chrono::seconds policy_grace{5};
// How long before a credential ends by itself its last sessions are ended, too.
inline constexpr std::chrono::milliseconds last_moment{500};

enum class Verdict {
    accepted,
    lagging, // by every wanted host, but a standby still refuses it after its grace
    refused,
    unclear, // nobody condemned it, yet it is not verified
};

enum class Proof { refused, accepted, unclear };

// One publication's way to its end.
struct DrainOrder {
    CredentialPtr old;   // whose refusal is looked at in the end; null: nothing to look at
    bool replace = true; // false: no backend of an older generation can exist (after a restart)
    bool emergency = false;
    std::optional<std::chrono::milliseconds> deadline; // emergency
    // When the old one itself ends: nobody is waited for so long.
    std::optional<Clock::time_point> end_of_old;
    RotateReply reply{RotationOutcome::done, {}, 0, {}};
};

class RotatorCore : public Rotator {
  public:
    RotatorCore(const config::Credential& configuration, const RotatorPorts& ports);
    ~RotatorCore() override;

    void start(std::function<void()> ready) override;
    void rotate(const RotateRequest& request, std::function<void(RotateReply)> done) override;
    void login_refused(Generation generation, const std::string& reason) override;
    void reconfigure(const config::Credential& configuration) override;
    CredentialPtr current() const override { return current_; }
    RotatorStatus status() const override;
    void stop() override;

  protected:
    struct Asked {
        RotateRequest request;
        std::function<void(RotateReply)> done;
    };

    virtual Flow<> run() = 0;
    // After the replacement: retire and prove; writes what is durable about it.
    virtual Flow<RotateReply> settle(DrainOrder order) = 0;
    virtual std::string plan() const = 0;
    virtual bool joins(const RotateRequest& request) const = 0; // a rotation that is under way serves it as well

    // `fresh`: new at the database, so that a standby may need time to learn of it.
    Flow<Verdict> verify(CredentialPtr candidate, bool fresh = true);
    Flow<ProbeReport> probe(CredentialPtr candidate, bool keep);
    Flow<Proof> prove(CredentialPtr old);
    // Publishes and starts the drain. `credential->generation` is already the right one.
    void publish(CredentialPtr credential, DrainOrder order);
    void start_drain(DrainOrder order);
    void take_requests();
    void answer_after_drain(); // who was taken up is answered at the end of what is under way
    void answer(std::vector<Asked>& whom, RotateReply reply);
    bool may_try(const std::string& version) const { return !condemned_.holds(version, now()) && version != proving_; }
    void count_refusals(const ProbeReport& report);
    // Nothing changes, the last good credential serves. Logged and audited when the reason is a new one.
    void hold(RotationState state, const std::string& reason);
    void all_is_well();

    bool load_entry();
    // Writes entry_. On failure `unsaved_` is set and the caller goes on: the next save() writes everything.
    bool save();
    StoreError write_once();
    std::uint64_t next_generation() const;
    CredentialPtr credential_of(const StoredCredential& stored, std::uint64_t generation,
                                std::shared_ptr<const LoginTokens> tokens = nullptr) const;
    static StoredCredential stored_of(const Credential& credential);

    void record(AuditEvent event, std::string result,
                std::vector<std::pair<std::string, std::string>> details = {}) const;
    void log(LogLevel level, const std::string& text) const;
    void post(std::function<void()> task);
    Clock::time_point now() const { return ports_.environment->now(); }
    std::uint64_t draw() const { return ports_.environment->random(UINT64_MAX); }
    Clock::time_point after(BackOff& back_off) const { return now() + back_off.next(draw()); }

    Settings settings_;
    RotatorPorts ports_;
    std::unique_ptr<CredentialStore> own_store_; // when there is none
    RotatorStatus status_;
    CredentialPtr current_;
    StoreEntry entry_;
    Condemned condemned_;
    RefusalBudget budget_;
    std::string proving_;        // the version whose refusal is being looked at
    std::vector<Asked> asked_;   // not yet taken up
    std::vector<Asked> taken_;   // whose request is being served
    bool emergency_ = false;     // one of these is, with `deadline_`
    std::optional<std::chrono::milliseconds> deadline_;
    std::vector<Asked> waiting_; // for the end of what is under way
    std::function<void()> ready_;
    std::string rotation_id_;     // of what is under way, for the audit log
    bool uncertain_ = false;      // the server refused the current credential, or may: logins are paused
    bool unsaved_ = false;        // the store lacks something that is in entry_
    bool reconfigured_ = false;
    std::string held_reason_;     // logged and audited already
    bool refused_anew_ = false;   // since the derived class looked last
    bool hurry_ = false;          // an emergency does not wait for this drain's deadlines
    bool replaced_ = false;       // no backend of an older generation is left
    BackOff store_retry_ = store_back_off;
    std::optional<std::chrono::milliseconds> hurry_deadline_;
    Signal wake_, drained_;
    Flow<> main_, drain_;

  private:
    Flow<> drain(DrainOrder order);
    Flow<> replace(DrainOrder order);
    ReplaceOptions replace_options(const DrainOrder& order) const;
    void start_replacement(const ReplaceOptions& options);

    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // callbacks that arrive later find it gone
    std::uint64_t replacement_ = 0; // reports of earlier ones are ignored
};

std::unique_ptr<Rotator> make_followed_rotator(const config::Credential& configuration,
                                               std::unique_ptr<Source> source, const RotatorPorts& ports);
std::unique_ptr<Rotator> make_leased_rotator(const config::Credential& configuration, std::unique_ptr<Source> source,
                                             const RotatorPorts& ports);
std::unique_ptr<Rotator> make_local_rotator(const config::Credential& configuration, const RotatorPorts& ports);

} // namespace rekey::rotation
