// How a session ends, and what is shown of one.
#include "proxy/pool/upstream.hpp"
#include "proxy/session/client_session.hpp"

namespace rekey::proxy {

namespace {
constexpr std::chrono::seconds linger_max{2}; // for a client to take the last words
} // namespace

void ClientSession::terminate(std::string_view reason, std::string_view message, bool at_once) {
    if (phase_ == Phase::closing)
        return;
    bool quiet = phase_ == Phase::ready && !lease_ && !waiting_ && exchange_->idle() && unread_.empty();
    if (!at_once && !quiet && phase_ != Phase::login) {
        terminating_ = true;
        termination_reason_ = reason;
        termination_message_ = message;
        return;
    }
    std::string why(reason), what(message); // the arguments may be our own members
    if (phase_ == Phase::ready) {
        auto& out = worker_.to_client();
        exchange_->farewell(terminated, what, out);
        send(out);
        out.clear();
    }
    close_after_write(why);
}

void ClientSession::close_after_write(std::string_view reason) {
    if (phase_ == Phase::closing || !open())
        return;
    count(worker_.counters().closes, reason);
    if (waiting_)
        upstream_->stop_waiting(*this, *pool_);
    waiting_ = false;
    phase_ = Phase::closing;
    unread_.clear();
    lease_.end();
    set_timer(linger_max, [this] { end("lingered"); });
    if (!congested())
        linger();
}

// The client gets our last words before the connection goes.
void ClientSession::linger() {
    shutdown_write();
    resume();
}

void ClientSession::end(std::string_view reason) {
    if (!open())
        return;
    if (phase_ != Phase::closing)
        count(worker_.counters().closes, reason);
    if (waiting_)
        upstream_->stop_waiting(*this, *pool_);
    waiting_ = false;
    phase_ = Phase::closing;
    close_socket();
    lease_.end();
    worker_.remove_session(this);
    if (pool_ != nullptr)
        --pool_->clients;
    --worker_.shared().client_connections;
    loop_.dispose(std::unique_ptr<Disposable>(this));
}

ClientRow ClientSession::row() const {
    ClientRow row;
    auto now = loop_.now();
    auto seconds = [now](net::Clock::time_point since) { return std::chrono::duration<double>(now - since).count(); };
    row.id = id_;
    row.user = user_;
    row.database = database_;
    row.upstream = upstream_name_;
    row.address = peer_.text();
    row.state = phase_ == Phase::login || phase_ == Phase::starting ? "login"
                : waiting_                                          ? "waiting"
                : lease_                                            ? "active"
                                                                    : "idle";
    row.connected_seconds = seconds(accepted_);
    row.wait_seconds = waiting_ ? seconds(since_) : 0;
    row.tls = tls();
    if (lease_)
        row.backend = lease_->id();
    if (pinned_ && exchange_) {
        auto pin = exchange_->pin();
        row.pinned = pin.reason;
        row.freed_by = pin.freed_by;
        row.pinned_seconds = seconds(pinned_since_);
        if (lease_ && upstream_->is_old(*lease_.get()))
            row.blocks_generation = upstream_->newest().value;
    }
    return row;
}

} // namespace rekey::proxy
