#include "tests/sim/scenario.hpp"

#include <cstdio>

namespace rekey::sim {

using rotation::CredentialPtr;
using rotation::JournalStep;
using rotation::RotationOutcome;

namespace {

constexpr auto faults_last = 70s;
constexpr auto longest_hold = 45s; // a pinned session, and a moment
constexpr auto recovery_at_most = 20min; // the longest back-off is five
const char* const first_user = "app";
const char* const first_password = "first";

} // namespace

Scenario::Scenario(std::uint64_t seed, Tally& tally, bool trace)
    : loop_(seed * 0x9e3779b97f4a7c15U + 1), tally_(tally), trace_(trace),
      kind_(static_cast<Kind>(loop_.random(4))), server_(loop_, loop_.chance(40)), leases_(loop_, server_, tally_) {
    horizon_ = loop_.now() + faults_last;
    configure();
}

Scenario::~Scenario() {
    if (process_.rotator) {
        process_.rotator->stop();
    }
}

void Scenario::configure() {
    configuration_.name = "orders";
    configuration_.refresh = std::chrono::milliseconds(1000 + loop_.random(5000));
    configuration_.drain_deadline = std::chrono::milliseconds(2000 + loop_.random(30000));
    configuration_.pinned = static_cast<config::Pinned>(loop_.random(3));
    configuration_.surge = static_cast<std::uint32_t>(loop_.random(3));
    configuration_.window = std::chrono::milliseconds(loop_.random(1500));
    plan_.size = static_cast<std::uint32_t>(1 + loop_.random(6));
    plan_.clients = static_cast<std::uint32_t>(1 + loop_.random(10));
    server_.lag = loop_.chance(50) ? loop_.between(0ms, 3s) : Clock::duration(0);
    server_.hosts[0].roles["rotator"] = fake_verifier("right", "r");
    server_.create_role(first_user);
    for (Host& host : server_.hosts) {
        host.roles[first_user] = fake_verifier(first_password, "f");
    }
    vault_ = {first_user, first_password, "v0", true, loop_.chance(50), nullptr};
    if (kind_ == Kind::followed) {
        configuration_.source.type = config::SourceType::file;
        vault_.news = [this] { server_.new_budget(); };
        vault_.keeps_others = loop_.chance(50);
        if (loop_.chance(50)) {
            vault_.begin_rotation = [this] { return rotate_at_store(); };
        }
        return;
    }
    if (kind_ == Kind::leased) {
        configuration_.source.type = config::SourceType::vault;
        leases_.life = loop_.between(12s, 60s); // a lagging standby is given ten
        leases_.longest = leases_.life + loop_.between(0s, 60s);
        leases_.ended = [this](const std::string& user) {
            if (booted_ && process_.pools->uses(user)) {
                throw Violation("must 6: a backend outlived its lease");
            }
        };
        return;
    }
    configuration_.source.type = config::SourceType::local;
    configuration_.source.initial.username = first_user;
    configuration_.source.initial.password = protocol::Secret(first_password);
    configuration_.rotation.emplace();
    configuration_.rotation->every = std::chrono::milliseconds(5000 + loop_.random(30000));
    const bool alternating = kind_ == Kind::alternating_users;
    configuration_.rotation->strategy =
        alternating ? config::Strategy::alternating_users : config::Strategy::single_user;
    configuration_.rotation->overlap = std::chrono::milliseconds(loop_.chance(30) ? loop_.random(5000) : 0);
    if (alternating || loop_.chance(50)) {
        configuration_.rotation->admin.emplace();
        configuration_.rotation->admin->username = "rotator";
        configuration_.rotation->admin->password = protocol::Secret("right");
    }
}

void Scenario::boot() {
    process_.prober = std::make_unique<SimProber>(loop_, server_);
    process_.administrator = std::make_unique<SimAdministrator>(loop_, server_, tally_);
    process_.store = std::make_unique<SimStore>(loop_, disk_, server_, tally_);
    process_.pools = std::make_unique<SimPools>(loop_, server_, tally_, plan_);
    process_.pools->on_publish = [this](const CredentialPtr& credential) { on_publish(credential); };
    process_.pools->on_refused = [this](rotation::Generation generation) {
        process_.rotator->login_refused(generation, "28P01");
    };
    rotation::RotatorPorts ports;
    ports.environment = &loop_;
    ports.prober = process_.prober.get();
    ports.administrator = process_.administrator.get();
    ports.pools = process_.pools.get();
    ports.store = process_.store.get();
    ports.verifier = fake_verifier;
    if (trace_) {
        process_.prober->trace = [this](const std::string& text) { trace(text); };
        ports.log = [this](rotation::LogLevel, std::string_view text) { trace("rekey: " + std::string(text)); };
    }
    std::unique_ptr<rotation::Source> source;
    if (kind_ == Kind::followed) {
        source = std::make_unique<SimSource>(loop_, vault_);
    }
    if (kind_ == Kind::leased) {
        source = std::make_unique<LeasedSource>(loop_, leases_);
    }
    process_.rotator = rotation::make_rotator(configuration_, std::move(source), ports);
    process_.pools->start_clients();
    booted_ = true;
    process_.rotator->start([this] { tally_.reached("ready"); });
}

// The process ends here and comes back after a moment.
void Scenario::crash(const std::string& where) {
    trace("CRASH at " + where);
    tally_.reached("crash at " + where);
    if (disk_.entry) {
        tally_.reached("crash with the journal at " + std::string(rotation::to_string(disk_.entry->step)));
    }
    booted_ = false;
    loop_.new_process();
    loop_.disarm_crash();
    process_.rotator.reset();
    process_ = {};
    loop_.world_in(loop_.between(50ms, 3s), [this] {
        trace("restart");
        server_.new_budget(); // what the server refused is not remembered over a crash
        boot();
    });
}

void Scenario::step() {
    try {
        if (!loop_.step()) {
            throw Violation("the world stands still");
        }
    } catch (const Crash& crashed) {
        crash(crashed.where);
    }
    check();
}

void Scenario::run_until(Clock::time_point when) {
    bool reached = false;
    loop_.world_in(when - loop_.now(), [&reached] { reached = true; });
    while (!reached) {
        step();
    }
}

void Scenario::on_publish(const CredentialPtr& credential) {
    trace("published generation " + std::to_string(credential->generation.value) + " " + credential->version);
    tally_.reached("published");
    const auto report = process_.prober->reports.find(credential->version);
    if (report == process_.prober->reports.end()) {
        throw Violation("must 1: published without a login");
    }
    bool wanted = false, standby_refuses = false;
    for (const rotation::HostResult& host : report->second.hosts) {
        wanted = wanted || (host.wanted && host.result == rotation::LoginResult::accepted);
        standby_refuses = standby_refuses || (!host.wanted && host.result == rotation::LoginResult::refused);
    }
    // A lagging standby is waited for, unless the old password is gone for good.
    if (!wanted || (standby_refuses && kind_ != Kind::single_user)) {
        throw Violation("must 1: published although it was not verified");
    }
    tally_.reached(standby_refuses ? "published past a lagging standby" : "published on every host");
    const auto known = process_.published.emplace(credential->generation.value, credential->version);
    if (known.first->second != credential->version) {
        throw Violation("must 2: two credentials of one generation");
    }
    if (credential->generation.value < highest_generation_ && !disk_.ever_failed) {
        throw Violation("must 2: the generation went back");
    }
    highest_generation_ = std::max(highest_generation_, credential->generation.value);
}

void Scenario::check() {
    if (booted_) {
        process_.pools->check();
        const CredentialPtr current = process_.rotator->current();
        if (!process_.published.empty() && !current) {
            throw Violation("must 4: the last good credential was thrown away");
        }
    }
    if (by_rekey()) {
        check_store();
    }
}

// Must 7. Every password that a rotated role has at the primary is known to the store (or is the configured first
// one), and one of the store's logs in.
void Scenario::check_store() const {
    bool one_works = false;
    for (const char* user : {"app", "app_clone"}) {
        const std::optional<std::string>& verifier = server_.verifier_of(user);
        if (!verifier) {
            continue;
        }
        bool known = user == std::string(first_user) && matches(*verifier, first_password);
        if (disk_.entry) {
            for (const auto* stored : {&disk_.entry->current, &disk_.entry->pending, &disk_.entry->previous}) {
                known = known || (*stored && (*stored)->username == user &&
                                  matches(*verifier, (*stored)->password.reveal()));
            }
        }
        if (!known) {
            throw Violation("must 7: the store does not know the password of " + std::string(user));
        }
        one_works = true;
    }
    if (!one_works) {
        throw Violation("must 7: no password works any more");
    }
}

// From here on nothing fails any more; every old session is ended once, so that everybody logs in anew.
void Scenario::heal() {
    trace("HEAL");
    loop_.disarm_crash();
    for (Host& host : server_.hosts) {
        host.up = true;
    }
    server_.slots = UINT32_MAX;
    server_.slow = false;
    server_.admin_has_right = true;
    server_.hosts[0].roles["rotator"] = fake_verifier("right", "r");
    disk_.writable = disk_.readable = true;
    disk_.next_write_lies = false;
    vault_.reachable = leases_.reachable = true;
    if (process_.administrator) {
        process_.administrator->lose = SimAdministrator::Lost::none;
    }
    if (by_rekey()) {
        configuration_.rotation->every.reset(); // or it would never be at rest
    }
    if (booted_) {
        process_.rotator->reconfigure(configuration_);
    }
    end_sessions();
}

bool Scenario::converged() const {
    if (!booted_) {
        return false;
    }
    const CredentialPtr current = process_.rotator->current();
    if (!current || !server_.accepts(current->username, current->password.reveal()) || process_.pools->paused() ||
        !process_.pools->all_newest() || process_.asked != process_.answered) {
        return false;
    }
    if (!disk_.entry || !disk_.entry->current || disk_.entry->current->version != current->version) {
        return false;
    }
    if (kind_ == Kind::followed) {
        return current->version == vault_.version;
    }
    if (kind_ == Kind::leased) {
        return leases_.alive() == 1;
    }
    return disk_.entry->step == JournalStep::none && !disk_.entry->pending && !disk_.entry->retire_previous;
}

std::string Scenario::state() const {
    if (!booted_) {
        return "down";
    }
    const rotation::RotatorStatus status = process_.rotator->status();
    return std::string(rotation::to_string(status.state)) + ", generation " + std::to_string(status.generation) +
           ", version " + status.version + ": " + status.reason;
}

void Scenario::trace(const std::string& text) const {
    if (trace_) {
        std::printf("%12.6f %s\n", std::chrono::duration<double>(loop_.now().time_since_epoch()).count() - 3600,
                    text.c_str());
    }
}

void Scenario::run() {
    static const char* const kinds[] = {"followed", "single_user", "alternating_users", "leased"};
    tally_.reached(std::string("kind ") + kinds[static_cast<int>(kind_)]);
    trace(std::string("kind ") + kinds[static_cast<int>(kind_)] + ", hosts " + std::to_string(server_.hosts.size()));
    plan_faults();
    server_.refused = [this](const std::string& text) { trace(text); };
    boot();
    run_until(horizon_);
    heal();
    const Clock::time_point limit = loop_.now() + recovery_at_most;
    do {
        run_until(loop_.now() + 1s);
        if (loop_.now() > limit) {
            throw Violation("not right by itself after all faults were gone: " + state());
        }
    } while (!converged());
    const std::uint64_t served = process_.pools->served;
    run_until(loop_.now() + longest_hold);
    if (booted_ && process_.pools->served == served) {
        throw Violation("no client is served");
    }
}

} // namespace rekey::sim
