#include "tests/sim/leases.hpp"

namespace rekey::sim {

namespace {

rotation::Lease remaining(Clock::duration life) {
    return {std::chrono::duration_cast<std::chrono::milliseconds>(life), true};
}

} // namespace

const std::pair<const std::string, Leases::Lease>* Leases::grant() {
    if (!reachable) {
        return nullptr;
    }
    const std::string number = std::to_string(++number_), user = "v-app-" + number;
    server_.set_password(user, fake_verifier("leased-" + number, "l"));
    const Clock::time_point now = loop_.now();
    const auto made = leases_.emplace("creds/app/" + number, Lease{user, "leased-" + number, now + life, now + longest});
    watch(made.first->first);
    return &*made.first;
}

// The account goes with the lease, unless that was renewed or revoked meanwhile.
void Leases::watch(const std::string& name) {
    const Clock::time_point end = leases_.at(name).end;
    loop_.world_in(end - loop_.now(), [this, name, end] {
        const auto lease = leases_.find(name);
        if (lease == leases_.end() || lease->second.end != end) {
            return;
        }
        tally_.reached("lease ended by itself");
        const std::string user = lease->second.user;
        drop(name);
        ended(user);
    });
}

void Leases::drop(const std::string& name) {
    server_.drop_role(leases_.at(name).user);
    leases_.erase(name);
}

Leases::Renewed Leases::renew(const std::string& name, Clock::duration& left) {
    if (!reachable) {
        return Renewed::unanswered;
    }
    const auto lease = leases_.find(name);
    if (lease == leases_.end()) {
        return Renewed::gone;
    }
    tally_.reached("lease renewed");
    lease->second.end = std::min(loop_.now() + life, lease->second.last_end);
    left = lease->second.end - loop_.now();
    watch(name);
    return Renewed::well;
}

bool Leases::revoke(const std::string& name) {
    if (!reachable) {
        return false;
    }
    if (leases_.count(name) != 0) {
        tally_.reached("lease revoked");
        drop(name);
    }
    return true;
}

void Leases::revoke_all() {
    tally_.reached("leases revoked by somebody else");
    while (!leases_.empty()) {
        drop(leases_.begin()->first);
    }
    server_.new_budget();
}

void LeasedSource::fetch(std::function<void(rotation::FetchResult)> done) {
    loop_.crash_point("fetch");
    if (fetching_) {
        throw Violation("must 5: two fetches at once");
    }
    fetching_ = true;
    loop_.answer_in(loop_.between(1ms, 40ms), [this, done = std::move(done)] {
        const auto* granted = leases_.grant();
        loop_.crash_point("account made");
        loop_.answer_in(loop_.between(1ms, 40ms), [this, granted = granted ? std::optional(*granted) : std::nullopt,
                                                   life = leases_.life, done] {
            fetching_ = false;
            rotation::FetchResult result;
            if (granted) {
                result.credential = rotation::Fetched{granted->second.user, protocol::Secret(granted->second.password),
                                                      granted->first, std::nullopt, std::nullopt, remaining(life)};
            } else {
                result.error = "the vault does not answer";
            }
            done(std::move(result));
        });
    });
}

void LeasedSource::renew(const std::string& lease, std::function<void(rotation::Renewal)> done) {
    loop_.crash_point("renew");
    loop_.answer_in(loop_.between(1ms, 40ms), [this, lease, done = std::move(done)] {
        rotation::Renewal renewal;
        Clock::duration life{0};
        switch (leases_.renew(lease, life)) {
        case Leases::Renewed::well:
            renewal.lease = remaining(life);
            break;
        case Leases::Renewed::gone:
            renewal.gone = true;
            renewal.error = "lease not found";
            break;
        case Leases::Renewed::unanswered:
            renewal.error = "the vault does not answer";
            break;
        }
        done(renewal);
    });
}

void LeasedSource::revoke(const std::string& lease, std::function<void(std::string)> done) {
    loop_.crash_point("revoke");
    loop_.answer_in(loop_.between(1ms, 40ms), [this, lease, done = std::move(done)] {
        done(leases_.revoke(lease) ? "" : "the vault does not answer");
    });
}

} // namespace rekey::sim
