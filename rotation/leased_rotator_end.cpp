// LeasedRotator: how long a lease lives, and its end.
#include "rotation/leased_rotator.hpp"

#include <algorithm>

namespace rekey::rotation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds withdrawn_least{1}, withdrawn_most{10};
constexpr std::size_t spent_most = 64; // a store that takes no revocation must not fill our memory

} // namespace

Grant grant_of(const Lease& lease, Clock::time_point asked, std::uint64_t random) {
    Grant grant;
    grant.life = lease.life;
    grant.end = asked + lease.life;
    const milliseconds spread = lease.life / 10;
    grant.due = asked + lease.life * 2 / 3 - milliseconds(random % static_cast<std::uint64_t>(spread.count() + 1));
    grant.renewable = lease.renewable;
    return grant;
}

Grant renewed_grant(const Grant& before, const Lease& lease, Clock::time_point asked, std::uint64_t random) {
    Grant grant = grant_of(lease, asked, random);
    grant.renewable = lease.renewable && lease.life + seconds(1) > before.life;
    if (!grant.renewable)
        grant.due = std::min(grant.due, asked + lease.life / 3); // time for those who hold a backend
    return grant;
}

Clock::time_point withdrawn_from(const Grant& grant) {
    return grant.end - std::clamp<milliseconds>(grant.life / 10, withdrawn_least, withdrawn_most);
}

// Nobody is on an older generation any more.
Flow<RotateReply> LeasedRotator::settle(DrainOrder order) {
    if (!order.old) {
        co_return order.reply;
    }
    status_.state = RotationState::revoking;
    if (replaced_) {
        co_await revoke_spent();
    }
    if (!replaced_ || !spent_.empty()) {
        order.reply.outcome = RotationOutcome::failed;
        order.reply.reason = replaced_ ? "the old lease is not revoked yet" : "backends of the old lease are left";
        co_return order.reply;
    }
    status_.state = RotationState::proving;
    const Proof proof = co_await prove(order.old);
    status_.old_refused = proof == Proof::refused;
    record(AuditEvent::prove, status_.old_refused ? "old refused" : "old not refused");
    co_return order.reply;
}

Flow<> LeasedRotator::revoke_spent() {
    revoke_at_.reset();
    while (!spent_.empty()) {
        const Spent spent = spent_.front();
        if (spent.end <= now()) {
            spent_.pop_front(); // it has ended by itself
            continue;
        }
        Reply<std::string> reply;
        source_->revoke(spent.lease, reply.callback());
        const std::string error = co_await reply;
        record(AuditEvent::revoke, error.empty() ? "ok" : error, {{"version", spent.lease}});
        if (!error.empty()) {
            log(LogLevel::warn, "a lease without use is not revoked yet: " + error);
            revoke_at_ = after(revoke_retry_);
            co_return;
        }
        revoke_retry_.reset();
        std::erase_if(spent_, [&spent](const Spent& one) { return one.lease == spent.lease; });
    }
}

void LeasedRotator::spend(const std::string& lease, Clock::time_point end) {
    if (spent_.size() < spent_most) {
        spent_.push_back({lease, end});
    }
}

void LeasedRotator::give_up_candidate() {
    spend(candidate_->credential->version, candidate_->grant.end);
    candidate_.reset();
}

// A crash between a publication and the end of its drain left an older lease; it is known by the store's entry.
void LeasedRotator::remember_left_over() {
    if (entry_.previous && entry_.previous->not_after) {
        spend(entry_.previous->version, steady(*entry_.previous->not_after));
    }
}

void LeasedRotator::arm() {
    if (end_timer_ != 0) {
        ports_.environment->cancel(end_timer_);
    }
    end_timer_ = ports_.environment->call_at(withdrawn_from(grant_), [this] {
        end_timer_ = 0;
        withdraw();
    });
}

// It ends, and nothing has come to take its place.
void LeasedRotator::withdraw() {
    withdrawn_ = true;
    ports_.pools->withdraw(settings_.name, grant_.end - last_moment);
    hold(RotationState::held, "the lease ends; clients wait for the store: " +
                                  (last_error_.empty() ? "no other account is verified yet" : last_error_));
    record(AuditEvent::replace, "withdrawn");
    retry_at_.reset();
    start_retry_.reset();
    wake_.notify();
}

Clock::time_point LeasedRotator::steady(std::chrono::system_clock::time_point wall) const {
    return now() + std::chrono::duration_cast<Clock::duration>(wall - ports_.environment->wall_now());
}

std::chrono::system_clock::time_point LeasedRotator::wall(Clock::time_point steady) const {
    return ports_.environment->wall_now() +
           std::chrono::duration_cast<std::chrono::system_clock::duration>(steady - now());
}

} // namespace rekey::rotation
