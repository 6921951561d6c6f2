// A logged-in session: requests in, replies out, and the lease between. Login is in session_login.cpp, the end in
// session_end.cpp.
#include "proxy/session/client_session.hpp"

#include "proxy/pool/upstream.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace rekey::proxy {

namespace {
constexpr int rounds_max = 8;
constexpr std::size_t kept_capacity_max = 512; // of what an idle session keeps
} // namespace

std::string PeerAddress::text() const {
    if (unix_socket)
        return "unix";
    char buffer[INET6_ADDRSTRLEN];
    return inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, buffer, sizeof buffer);
}

bool allowed(const config::User& user, const PeerAddress& peer) {
    for (const auto& network : user.allow) {
        if (network.unix_sockets || peer.unix_socket) {
            if (network.unix_sockets && peer.unix_socket)
                return true;
            continue;
        }
        if (network.v6 != peer.v6)
            continue;
        bool same = true;
        for (unsigned bit = 0; bit < network.prefix && same; ++bit)
            same = ((network.bytes[bit / 8] ^ peer.bytes[bit / 8]) & (0x80u >> bit % 8)) == 0;
        if (same)
            return true;
    }
    return false;
}

ClientSession::~ClientSession() {
    stop_timer();
    if (counted_)
        worker_.shared().uncount_user(user_);
    if (process_id_ != 0)
        worker_.forget_process_id(process_id_);
}

void ClientSession::set_timer(net::Clock::duration after, std::function<void()> task) {
    stop_timer();
    timer_ = loop_.call_at(loop_.now() + after, [this, task = std::move(task)] {
        timer_ = 0;
        task();
    });
}

void ClientSession::stop_timer() {
    if (timer_ != 0)
        loop_.cancel(std::exchange(timer_, 0));
}

bool ClientSession::send(const protocol::Output& output) {
    worker_.counters().bytes_to_clients += output.size();
    return write(output);
}

bool ClientSession::paused() const {
    return waiting_ || attaching_ || holding_back_ || killing_ || congested() || (lease_ && lease_->congested());
}

void ClientSession::on_readable() {
    for (int round = 0; round < rounds_max; ++round) {
        if (!open())
            return;
        if (phase_ != Phase::closing && paused()) {
            if (hung_up() && waiting_)
                end("client_gone");
            return;
        }
        if (!first_byte_seen_ && direct_tls())
            return;
        auto scratch = worker_.scratch();
        if (auto most = phase_ == Phase::login ? login_->read_max() : 0; most > unread_.size())
            scratch = scratch.first(most - unread_.size());
        auto result = read(scratch);
        if (result.status == net::ReadStatus::would_block)
            return;
        if (result.status == net::ReadStatus::garbled)
            return garbled();
        if (result.status == net::ReadStatus::end)
            return end(phase_ == Phase::login ? "client_gone_before_login" : "client_gone");
        if (phase_ == Phase::closing)
            continue; // read on, so that the kernel has no reason to reset what we said last
        worker_.counters().bytes_from_clients += result.size;
        feed({scratch.data(), result.size});
    }
    resume(); // unless the last round has ended or moved it
}

// What the client sent is not encoded as was agreed.
void ClientSession::garbled() {
    if (phase_ == Phase::closing)
        return end("protocol_violation");
    count(worker_.counters().client_errors, "protocol_violation");
    if (!lease_) { // behind half a reply it would be read as its rest
        auto& out = worker_.to_client();
        exchange_->farewell("08P01", garble(), out);
        send(out);
        out.clear();
    }
    close_after_write("protocol_violation");
}

void ClientSession::on_drained() {
    if (phase_ == Phase::closing)
        return linger();
    if (lease_)
        lease_->resume_reading();
    resume();
}

void ClientSession::feed(std::string_view in) {
    if (!unread_.empty()) {
        unread_.append(in);
        return process_unread();
    }
    auto used = consume(in);
    if (open() && used < in.size())
        unread_.assign(in.substr(used));
}

void ClientSession::process_unread() {
    if (unread_.empty() || !open() || phase_ == Phase::closing)
        return;
    auto in = std::move(unread_);
    unread_.clear();
    auto used = consume(in);
    if (!open())
        return;
    if (used == 0) {
        unread_ = std::move(in);
    } else if (used < in.size()) {
        unread_.assign(in, used);
    } else if (unread_.empty() && in.capacity() <= kept_capacity_max) {
        in.clear();
        unread_ = std::move(in); // keeps the memory for the next wait
    }
}

std::size_t ClientSession::consume(std::string_view in) {
    std::size_t at = 0;
    if (phase_ == Phase::login)
        at = step_login(in);
    auto& to_backend = worker_.to_backend();
    auto& to_client = worker_.to_client();
    while (phase_ == Phase::ready && at < in.size() && !paused()) {
        auto turn = exchange_->on_client(in.substr(at), lease_ ? &lease_->exchange() : nullptr, to_backend, to_client);
        at += turn.consumed;
        bool backend_open = !lease_ || lease_->send(to_backend);
        bool client_open = send(to_client);
        to_backend.clear();
        to_client.clear();
        if (!client_open) {
            end("client_gone");
            return at;
        }
        // A backend whose socket broke tells so by itself in the next turn.
        (void)backend_open;
        carry_kill();
        if (exchange_->login_wanted()) {
            begin_anew();
            return at + step_login(in.substr(at));
        }
        switch (turn.want) {
        case protocol::ClientWant::more:
            return at;
        case protocol::ClientWant::terminate:
            end("client_terminated");
            return at;
        case protocol::ClientWant::violation:
            count(worker_.counters().client_errors, "protocol_violation");
            close_after_write("protocol_violation");
            return at;
        case protocol::ClientWant::backend:
            if (!acquire())
                return at;
        }
    }
    return at;
}

// True: a backend is leased and has this client's state.
bool ClientSession::acquire() {
    since_ = loop_.now();
    auto* backend = upstream_->acquire(*this, *pool_);
    if (backend == nullptr) {
        waiting_ = true;
        return false;
    }
    worker_.counters().waited(0);
    return attach(*backend);
}

bool ClientSession::attach(Backend& backend) {
    backend.lease_to(this);
    lease_ = BackendLease(&backend);
    auto& out = worker_.to_backend();
    auto result = backend.exchange().attach(*exchange_, out);
    backend.send(out);
    out.clear();
    attaching_ = result == protocol::AttachResult::pending;
    return !attaching_;
}

void ClientSession::granted(Backend& backend) {
    waiting_ = false;
    worker_.counters().waited(std::chrono::duration<double>(loop_.now() - since_).count());
    if (attach(backend))
        attached();
}

void ClientSession::attached() {
    attaching_ = false;
    if (phase_ == Phase::starting) {
        upstream_->dialect().learn(*exchange_, lease_->exchange(), *pool_->facts);
        reply_to_login();
        if (lease_ && open())
            backend_progress();
    }
    process_unread();
    resume();
}

void ClientSession::attach_failed() {
    std::string sqlstate, message;
    lease_->exchange().attach_failed(sqlstate, message);
    attaching_ = false;
    lease_.release(); // the statements ran as one: the backend is as it was
    if (phase_ == Phase::starting)
        return refuse_login(sqlstate, message, "startup_parameter_refused");
    auto& out = worker_.to_client();
    exchange_->farewell(sqlstate, message, out);
    send(out);
    out.clear();
    count(worker_.counters().client_errors, "state_not_restored");
    close_after_write("state_not_restored");
}

void ClientSession::backend_progress() {
    if (!lease_)
        return;
    auto& backend = lease_->exchange();
    if (attaching_) {
        std::string ignored;
        if (backend.attach_failed(ignored, ignored))
            attach_failed();
        else if (backend.attached())
            attached();
        return;
    }
    carry_kill();
    if (exchange_->login_wanted())
        return log_in_anew();
    if (!backend.safe_point())
        return;
    auto& out = worker_.to_backend();
    auto end_of_cycle = backend.cycle_end(*exchange_, out);
    lease_->send(out);
    out.clear();
    switch (end_of_cycle) {
    case protocol::CycleEnd::hold:
        return;
    case protocol::CycleEnd::pinned:
        ++worker_.counters().transactions;
        note_pin();
        if (terminating_)
            terminate(termination_reason_, termination_message_, true);
        return;
    case protocol::CycleEnd::release:
        ++worker_.counters().transactions;
        release();
        return;
    }
}

void ClientSession::release() {
    pinned_ = false;
    lease_.release();
    if (!open())
        return;
    if (terminating_)
        return terminate(termination_reason_, termination_message_, true);
    process_unread();
    resume();
}

void ClientSession::note_pin() {
    if (!pinned_)
        pinned_since_ = loop_.now();
    pinned_ = true;
}

void ClientSession::close_pinned(bool now) {
    if (now)
        terminate("rotation_deadline", "terminating connection: its database credential is being revoked", true);
    else if (!terminating_ && lease_ && lease_->exchange().safe_point())
        terminate("rotation_pinned", "terminating connection: its database credential was replaced", true);
    else
        terminate("rotation_pinned", "terminating connection: its database credential was replaced", false);
}

void ClientSession::refused(std::string_view sqlstate, std::string_view message) {
    waiting_ = false;
    count(worker_.counters().client_errors, sqlstate == "57014" ? "cancelled_waiting" : "no_backend");
    if (phase_ == Phase::starting)
        return refuse_login(sqlstate, std::string(message), "no_backend");
    auto& out = worker_.to_client();
    auto used = exchange_->refuse_waiting(unread_, sqlstate, message, out);
    bool client_open = send(out);
    out.clear();
    unread_.erase(0, used);
    if (!client_open || used == 0)
        return end("client_gone");
    process_unread();
    resume();
}

void ClientSession::cancel_requested() {
    if (phase_ != Phase::ready)
        return;
    if (waiting_) {
        upstream_->stop_waiting(*this, *pool_);
        refused("57014", "canceling statement due to user request");
    } else if (lease_ && !attaching_) {
        upstream_->cancel(*lease_.get());
    }
}

void ClientSession::carry_kill() {
    auto wish = exchange_->kill_request();
    if (wish.id == 0 || killing_)
        return;
    killing_ = true;
    auto id = wish.id <= UINT32_MAX ? static_cast<std::uint32_t>(wish.id) : 0;
    worker_.kill({id, wish.query_only, user_, worker_.index(), id_});
}

void ClientSession::kill_answered(protocol::KillAnswer answer) {
    killing_ = false;
    if (phase_ != Phase::ready)
        return;
    auto& out = worker_.to_client();
    exchange_->answer_kill(answer, out);
    bool client_open = send(out);
    out.clear();
    if (!client_open)
        return end("client_gone");
    process_unread();
    resume();
}

void ClientSession::killed(bool query_only) {
    if (query_only)
        cancel_requested();
    else
        end("killed");
}

void ClientSession::backend_lost(protocol::BackendExchange& exchange, const std::string& reason) {
    lease_.drop();
    pinned_ = false;
    if (std::exchange(attaching_, false)) { // nothing of the request was written
        ++worker_.counters().auth_retries_saved;
        if (acquire())
            attached();
        return;
    }
    auto& out = worker_.to_client();
    auto outcome = exchange.lost(*exchange_, terminated, "the database connection was lost: " + reason, out);
    bool client_open = send(out);
    out.clear();
    if (!client_open)
        return end("client_gone");
    if (exchange_->login_wanted())
        return log_in_anew();
    count(worker_.counters().client_errors, "backend_lost");
    if (outcome == protocol::Lost::close || terminating_)
        return close_after_write("backend_lost");
    process_unread();
    resume();
}

void ClientSession::broken() {
    end("client_gone");
}

} // namespace rekey::proxy
