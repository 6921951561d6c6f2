#include "tests/sim/ports.hpp"

#include <utility>

namespace rekey::sim {

using rotation::LoginResult;
using rotation::StoreError;

void SimProber::probe(rotation::CredentialPtr credential, bool, std::function<void(rotation::ProbeReport)> done) {
    loop_.crash_point("probe");
    if (trace) {
        trace("probing " + credential->version);
    }
    loop_.answer_in(server_.latency(), [this, credential, done = std::move(done)] {
        rotation::ProbeReport report;
        for (Host& host : server_.hosts) {
            const LoginResult result = server_.login(host, credential->username, credential->password.reveal());
            report.hosts.push_back({host.name, host.wanted, result, std::string(rotation::to_string(result))});
        }
        reports[credential->version] = report;
        if (trace) {
            trace("probe " + credential->version + ": " + (report.verified() ? "accepted" : report.reason()));
        }
        loop_.answer_in(server_.latency(), [done, report] { done(report); });
    });
}

struct SimAdministrator::Run {
    rotation::CredentialPtr login;
    std::vector<std::string> statements;
    std::size_t index = 0;
    std::uint64_t process = 0;
    rotation::StatementResult result;
    std::function<void(rotation::StatementResult)> done;
};

void SimAdministrator::run(const std::string&, rotation::CredentialPtr login, std::vector<std::string> statements,
                           std::function<void(rotation::StatementResult)> done) {
    loop_.crash_point("administer");
    auto run = std::make_shared<Run>();
    run->login = std::move(login);
    run->statements = std::move(statements);
    run->process = loop_.process();
    run->done = std::move(done);
    loop_.answer_in(server_.latency(), [this, run] {
        run->result.login =
            server_.login(server_.hosts[0], run->login->username, run->login->password.reveal());
        if (run->result.login != LoginResult::accepted) {
            finish(run, "", std::string(rotation::to_string(run->result.login)));
        } else {
            next(run);
        }
    });
}

// One statement: sent, executed at the server whatever becomes of the process, answered.
void SimAdministrator::next(const std::shared_ptr<Run>& run) {
    if (run->index == run->statements.size()) {
        run->result.ok = true;
        finish(run, "", "");
        return;
    }
    loop_.world_in(server_.latency(), [this, run, &loop = loop_, &server = server_] {
        const bool orphan = loop.process() != run->process; // then `this` is gone, too
        if (!server.hosts[0].up || (!orphan && lost(run))) {
            if (!orphan) {
                finish(run, "", "the connection was lost");
            }
            return;
        }
        const std::string& statement = run->statements[run->index++];
        const std::string sqlstate = statement.find("pg_advisory_lock") != std::string::npos && server.late > 0
                                         ? "55P03" // the lost session still holds the lock
                                         : server.execute(run->login->username, statement, run->result.rows);
        if (orphan) {
            return;
        }
        if (!sqlstate.empty()) {
            finish(run, sqlstate, "the server refused the statement");
            return;
        }
        if (lose == Lost::after && run->index == run->statements.size()) {
            lose = Lost::none;
            tally_.reached("answer lost after the change");
            finish(run, "", "the connection was lost");
            return;
        }
        loop_.answer_in(server_.latency(), [this, run] { next(run); });
    });
}

bool SimAdministrator::lost(const std::shared_ptr<Run>& run) {
    if (run->index + 1 != run->statements.size() || (lose != Lost::before && lose != Lost::late)) {
        return false;
    }
    if (lose == Lost::late) {
        const std::string statement = run->statements.back(), user = run->login->username;
        ++server_.late;
        loop_.world_in(1s, [&server = server_, statement, user] {
            --server.late;
            std::vector<std::vector<std::string>> rows;
            server.execute(user, statement, rows);
        });
    }
    tally_.reached(lose == Lost::late ? "change took effect late" : "statement lost before the change");
    lose = Lost::none;
    return true;
}

void SimAdministrator::finish(const std::shared_ptr<Run>& run, std::string sqlstate, std::string reason) {
    run->result.sqlstate = std::move(sqlstate);
    run->result.reason = std::move(reason);
    loop_.answer_in(1ms, [run] { run->done(run->result); });
}

StoreError SimStore::read(std::string_view, std::optional<rotation::StoreEntry>& entry) {
    loop_.crash_point("store read");
    if (!disk_.readable) {
        tally_.reached("store unreadable");
        return StoreError::unreadable;
    }
    entry = disk_.entry ? std::optional(disk_.entry->clone()) : std::nullopt;
    return StoreError::none;
}

// A PENDING of unknown fate is never replaced by another one.
void SimStore::check_pending(const rotation::StoreEntry& entry) const {
    if (!disk_.entry || !disk_.entry->pending) {
        return;
    }
    const rotation::StoredCredential& staged = *disk_.entry->pending;
    const bool kept = (entry.pending && entry.pending->version == staged.version) ||
                      (entry.current && entry.current->version == staged.version);
    if (!kept && (entry.pending || server_.accepts(staged.username, staged.password.reveal()))) {
        throw Violation("must 7: an unresolved PENDING was thrown away");
    }
}

StoreError SimStore::write(std::string_view, rotation::StoreEntry& entry) {
    loop_.crash_point("before a store write");
    const std::uint64_t stored = disk_.entry ? disk_.entry->sequence : 0;
    if (stored != entry.sequence) {
        tally_.reached("store conflict");
        return StoreError::conflict;
    }
    if (!disk_.writable) {
        disk_.ever_failed = true;
        tally_.reached("store unwritable at " + std::string(rotation::to_string(entry.step)));
        return StoreError::unwritable;
    }
    check_pending(entry);
    rotation::StoreEntry written = entry.clone();
    ++written.sequence;
    disk_.entry = std::move(written);
    tally_.reached("journal " + std::string(rotation::to_string(entry.step)));
    if (disk_.next_write_lies) {
        disk_.next_write_lies = false;
        disk_.ever_failed = true;
        tally_.reached("write durable but reported as failed");
        return StoreError::unwritable;
    }
    ++entry.sequence;
    loop_.crash_point("after a store write");
    return StoreError::none;
}

void SimSource::fetch(std::function<void(rotation::FetchResult)> done) {
    loop_.crash_point("fetch");
    if (fetching_) {
        throw Violation("must 5: two fetches at once");
    }
    fetching_ = true;
    loop_.answer_in(loop_.between(1ms, 40ms), [this, done = std::move(done)] {
        fetching_ = false;
        rotation::FetchResult result;
        if (!vault_.reachable) {
            result.error = "the vault does not answer";
        } else {
            result.credential = rotation::Fetched{vault_.username, protocol::Secret(vault_.password), vault_.version,
                                                  std::nullopt, std::nullopt, std::nullopt};
            result.credential->rotating = rotating(vault_.version);
            if (std::exchange(handed_out_, vault_.version) != vault_.version) {
                vault_.news();
            }
        }
        done(std::move(result));
    });
}

void SimSource::fetch_others(std::function<void(std::vector<rotation::Fetched>)> done) {
    loop_.crash_point("fetch of other versions");
    if (fetching_) {
        throw Violation("other versions are asked for beside a fetch");
    }
    fetching_ = true;
    loop_.answer_in(loop_.between(1ms, 40ms), [this, done = std::move(done)] {
        fetching_ = false;
        std::vector<rotation::Fetched> others;
        for (const auto* version : {&vault_.pending, &vault_.previous}) {
            if (vault_.reachable && *version) {
                others.push_back({vault_.username, protocol::Secret((*version)->password), (*version)->name,
                                  std::nullopt, std::nullopt, std::nullopt});
                others.back().coming = version == &vault_.pending;
                others.back().rotating = rotating((*version)->name);
            }
        }
        done(std::move(others));
    });
}

void SimSource::rotate(std::function<void(std::string)> done) {
    loop_.crash_point("rotation at the store");
    if (fetching_) {
        throw Violation("a rotation is asked for beside a fetch");
    }
    fetching_ = true;
    loop_.answer_in(loop_.between(1ms, 40ms), [this, done = std::move(done)] {
        fetching_ = false;
        const std::string version = vault_.reachable ? vault_.begin_rotation() : "";
        if (version.empty()) {
            done("the store does not rotate now");
            return;
        }
        awaited_ = version;
        done("");
    });
}

} // namespace rekey::sim
