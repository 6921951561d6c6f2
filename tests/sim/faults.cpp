// What goes wrong in a scenario, and what outsiders do.
#include "tests/sim/scenario.hpp"

namespace rekey::sim {

void Scenario::plan_faults() {
    const std::uint64_t events = loop_.random(14);
    for (std::uint64_t i = 0; i < events; ++i) {
        loop_.world_in(loop_.between(0ms, 65s), [this] { fault(); });
    }
    const std::uint64_t changes = 1 + loop_.random(4);
    for (std::uint64_t i = 0; i < changes; ++i) {
        loop_.world_in(loop_.between(1s, 60s), [this] { kind_ == Kind::followed ? change_outside() : ask(); });
    }
}

void Scenario::lost_for(bool& ability, Clock::duration time) {
    ability = false;
    loop_.world_in(time, [&ability] { ability = true; });
}

void Scenario::fault() {
    const std::uint64_t choice = loop_.random(14);
    switch (choice) {
    case 0:
        trace("crash soon");
        loop_.arm_crash(1 + loop_.random(30));
        return;
    case 1:
        trace("crash in a rotation");
        ask();
        loop_.arm_crash(1 + loop_.random(12));
        return;
    case 2:
        server_down(loop_.between(100ms, 9s));
        return;
    case 3:
        if (server_.hosts.size() > 1) {
            trace("standby down");
            server_.hosts[1].up = false;
            loop_.world_in(loop_.between(1s, 15s), [this] { server_.hosts[1].up = true; });
        }
        return;
    case 4:
        trace("few slots");
        server_.slots = server_.open_backends;
        loop_.world_in(loop_.between(100ms, 6s), [this] { server_.slots = UINT32_MAX; });
        return;
    case 5:
        trace("slow");
        server_.slow = true;
        loop_.world_in(loop_.between(1s, 10s), [this] { server_.slow = false; });
        return;
    case 6:
        trace("disk read-only");
        lost_for(disk_.writable, loop_.between(100ms, 12s));
        return;
    case 7:
        trace("a write will lie");
        disk_.next_write_lies = true;
        return;
    case 8:
        end_sessions();
        return;
    case 9:
        ask();
        return;
    default:
        switch (kind_) {
        case Kind::followed:
            return followed_fault(choice);
        case Kind::leased:
            return leased_fault(choice);
        case Kind::single_user:
        case Kind::alternating_users:
            return local_fault(choice);
        }
    }
}

void Scenario::leased_fault(std::uint64_t choice) {
    switch (choice) {
    case 10:
    case 11:
        trace("store of leases gone");
        lost_for(leases_.reachable, loop_.between(1s, 60s));
        return;
    case 12:
        trace("leases revoked by somebody else");
        leases_.revoke_all();
        end_sessions();
        return;
    default:
        ask();
        loop_.arm_crash(1 + loop_.random(20));
    }
}

void Scenario::local_fault(std::uint64_t choice) {
    switch (choice) {
    case 10:
        if (booted_) {
            static constexpr SimAdministrator::Lost ways[] = {SimAdministrator::Lost::before,
                                                              SimAdministrator::Lost::after,
                                                              SimAdministrator::Lost::late};
            trace("an answer will be lost");
            process_.administrator->lose = ways[loop_.random(3)];
        }
        return;
    case 11:
        trace("admin without the right");
        tally_.reached("admin without the right");
        lost_for(server_.admin_has_right, loop_.between(1s, 20s));
        return;
    case 12:
        trace("disk unreadable, crash");
        disk_.readable = false;
        loop_.arm_crash(1 + loop_.random(10));
        loop_.world_in(loop_.between(1s, 8s), [this] { disk_.readable = true; });
        return;
    default:
        ask();
        loop_.arm_crash(1 + loop_.random(20));
    }
}

void Scenario::followed_fault(std::uint64_t choice) {
    switch (choice) {
    case 10:
        trace("source gone");
        tally_.reached("source gone");
        vault_.reachable = false;
        loop_.world_in(loop_.between(1s, 20s), [this] { vault_.reachable = true; });
        return;
    case 11: {
        if (changing_ || vault_.password == "wrong") {
            return;
        }
        trace("the source has a wrong password for a while");
        tally_.reached("wrong password in the source");
        const std::string right = vault_.password, version = vault_.version;
        vault_.password = "wrong";
        vault_.version = "wrong" + std::to_string(++versions_);
        if (vault_.changed && vault_.pushes) {
            loop_.answer_in(1ms, vault_.changed);
        }
        loop_.world_in(loop_.between(500ms, 15s), [this, right, version, wrong = vault_.version] {
            if (vault_.version == wrong) {
                vault_.password = right;
                vault_.version = version;
            }
        });
        return;
    }
    case 12:
        change_outside();
        end_sessions();
        return;
    default:
        change_outside();
        loop_.arm_crash(1 + loop_.random(20));
    }
}

// Somebody else rotates: the database first or the source first, up to two seconds apart.
void Scenario::change_outside() {
    if (std::exchange(changing_, true)) {
        return; // one at a time: the source ends up with what the database has
    }
    const std::string version = "v" + std::to_string(++versions_), password = "secret-" + version;
    const bool source_first = loop_.chance(30);
    trace(std::string("outside change to ") + version + (source_first ? ", source first" : ""));
    const auto at_database = [this, password] {
        tally_.reached("password changed outside");
        server_.set_password("app", fake_verifier(password, "o"));
    };
    const auto at_source = [this, version, password] {
        const rotation::CredentialPtr served = booted_ ? process_.rotator->current() : nullptr;
        if (served && served->version == version) {
            tally_.reached("the version to come served before it came");
        }
        vault_.previous = Vault::Version{vault_.password, vault_.version};
        vault_.password = password;
        vault_.version = version;
        if (vault_.changed && vault_.pushes) {
            loop_.answer_in(1ms, [this] {
                if (vault_.changed) {
                    vault_.changed();
                }
            });
        }
    };
    vault_.pending = Vault::Version{password, version};
    source_first ? at_source() : at_database();
    if (loop_.chance(30)) {
        loop_.world_in(200ms, [this] { end_sessions(); });
    }
    const auto later = loop_.chance(30) ? Clock::duration(0) : loop_.between(0ms, 2s);
    source_first ? loop_.world_in(later, at_database) : loop_.world_in(later, at_source);
    loop_.world_in(later + 8s, [this] { changing_ = false; }); // one rotation at a time: each has its budget
}

// Somebody else, because Rekey asked for it. Some never end.
std::string Scenario::rotate_at_store() {
    if (changing_) {
        return "";
    }
    if (loop_.chance(10)) {
        tally_.reached("a rotation at the store that never ended");
        return "never";
    }
    change_outside();
    tally_.reached("the store rotated when asked");
    return "v" + std::to_string(versions_);
}

void Scenario::server_down(Clock::duration length) {
    trace("server down");
    tally_.reached("server down");
    server_.hosts[0].up = false;
    end_sessions();
    loop_.world_in(length, [this] { server_.hosts[0].up = true; });
}

void Scenario::end_sessions() {
    if (booted_) {
        trace("every session is ended");
        process_.pools->server_ended_all();
    }
}

void Scenario::ask() {
    if (!booted_) {
        return;
    }
    rotation::RotateRequest request;
    request.emergency = loop_.chance(20);
    if (request.emergency) {
        request.deadline = std::chrono::milliseconds(500 + loop_.random(5000));
    }
    request.dry_run = loop_.chance(5);
    trace(request.emergency ? "rotate --emergency" : "rotate");
    ++process_.asked;
    server_.new_budget(); // whoever asks wants it tried again
    process_.rotator->rotate(request, [this, dry = request.dry_run](const rotation::RotateReply& reply) {
        ++process_.answered;
        trace("rotate is answered: " + std::string(rotation::to_string(reply.outcome)) + " " + reply.reason);
        tally_.reached("rotate answered " + std::string(rotation::to_string(reply.outcome)));
        const bool done = reply.outcome == rotation::RotationOutcome::done && !dry;
        if (done && kind_ != Kind::followed && disk_.entry && disk_.entry->previous) {
            const rotation::StoredCredential& old = *disk_.entry->previous;
            if (server_.accepts(old.username, old.password.reveal())) {
                throw Violation("must 9: done, but the old password is accepted");
            }
        }
    });
}

} // namespace rekey::sim
