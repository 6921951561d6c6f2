// A client session until it is logged in: handshake, route, home worker, first reply.
#include "proxy/pool/upstream.hpp"
#include "proxy/session/client_session.hpp"

#include <openssl/rand.h>

namespace rekey::proxy {

namespace {

const config::Route* find_route(const config::Config& config, std::string_view listener, std::string_view database,
                                std::string_view user) {
    auto matches = [](const std::string& pattern, std::string_view value) {
        return pattern == "*" || pattern == value;
    };
    for (const auto& route : config.routes) {
        if (route.listener == listener && matches(route.database, database) && matches(route.user, user))
            return &route;
    }
    return nullptr;
}

} // namespace

ClientSession::ClientSession(Worker& worker, Parts parts)
    : Connection(worker.loop()), worker_(worker), listener_(std::move(parts.listener)), peer_(parts.peer),
      protocol_(parts.protocol), login_(std::move(parts.login)), backend_class_(std::move(parts.backend_class)),
      unread_(std::move(parts.unread)), id_(parts.id), accepted_(parts.accepted), over_limit_(parts.over_limit) {
    upstream_name_ = std::move(parts.upstream);
    upstream_database_ = std::move(parts.upstream_database);
    process_id_ = parts.process_id;
}

void ClientSession::accept(Worker& worker, const config::Listener& listener, net::Socket socket, PeerAddress peer,
                           bool over_limit) {
    const auto& tls = worker.runtime().listener_tls.at(listener.name);
    auto& dialect = worker.dialect(listener.protocol);
    Dialect::ClientLoginOptions options;
    options.config = worker.runtime().config;
    options.listener = &listener;
    options.client_host = peer.text();
    options.tls_offered = tls != nullptr;
    options.tls_required =
        listener.tls.mode == config::ListenerTls::require || listener.tls.mode == config::ListenerTls::verify;
    options.unix_socket = peer.unix_socket;
    Parts parts;
    parts.listener = listener.name;
    parts.peer = peer;
    parts.protocol = listener.protocol;
    parts.id = worker.shared().next_client_id++;
    parts.accepted = worker.loop().now();
    parts.over_limit = over_limit;
    auto* session = new ClientSession(worker, std::move(parts));
    if (dialect.speaks_first())
        session->process_id_ = options.process_id = worker.new_process_id(session);
    session->login_ = dialect.client_login(options);
    ++worker.shared().client_connections;
    worker.add_session(session);
    session->limit_login();
    if (!session->take(std::move(socket)))
        return session->end("epoll");
    if (dialect.speaks_first()) {
        session->first_byte_seen_ = true;
        session->step_login({});
    }
}

void ClientSession::limit_login() {
    set_timer(worker_.config().limits.startup_timeout, [this] {
        count(worker_.counters().client_errors, "startup_timeout");
        count(worker_.counters().limits_hit, "startup_timeout");
        end("startup_timeout");
    });
}

// The session is over, its connection is not: nothing of it is left on a backend, and another one is to be proven.
void ClientSession::begin_anew() {
    unread_.insert(0, exchange_->take_ahead());
    lease_.end();
    pinned_ = false;
    if (worker_.draining())
        return terminate("shutdown", "the proxy is shutting down", true);
    terminating_ = false; // what it was in the way of goes on; the new session is judged for itself
    --std::exchange(pool_, nullptr)->clients;
    upstream_ = nullptr;
    Dialect::ClientLoginOptions options;
    options.config = worker_.runtime().config;
    options.client_host = peer_.text();
    options.unix_socket = peer_.unix_socket;
    options.process_id = process_id_;
    login_ = worker_.dialect(protocol_).client_login_anew(options, peer_tls(), *exchange_);
    exchange_.reset();
    first_byte_seen_ = true;
    phase_ = Phase::login;
    limit_login();
}

void ClientSession::log_in_anew() {
    begin_anew();
    feed({});
    resume();
}

std::size_t ClientSession::step_login(std::string_view in) {
    std::size_t at = 0;
    while (phase_ == Phase::login && !holding_back_) {
        std::size_t consumed = 0;
        auto step = login_->next(in.substr(at), consumed);
        at += consumed;
        auto out = login_->take_output();
        if (step == ClientLogin::Step::failed) {
            unread_.clear();
            if (login_->wrong_password()) {
                auto delay =
                    worker_.shared().failure_delay(peer_.text() + " " + std::string(login_->user()), loop_.now());
                if (delay.count() > 0) {
                    count(worker_.counters().throttled, "wrong_password");
                    holding_back_ = true;
                    set_timer(delay, [this, out] {
                        write(std::string_view(out));
                        login_failed();
                    });
                    return in.size();
                }
            }
            write(std::string_view(out));
            login_failed();
            return in.size();
        }
        if (!out.empty() && !write(std::string_view(out))) {
            end("client_gone");
            return at;
        }
        switch (step) {
        case ClientLogin::Step::need_input:
            return at;
        case ClientLogin::Step::start_tls:
            if (!in.substr(at).empty()) { // the machine lets nothing pass but a ClientHello that it left unread
                end("unencrypted_data");
                return at;
            }
            start_tls(net::Ssl(SSL_new(worker_.runtime().listener_tls.at(listener_).get())), true);
            return at;
        case ClientLogin::Step::lookup: {
            const auto* user = worker_.config().find_user(login_->user());
            login_->user_found(user, user != nullptr && allowed(*user, peer_));
            break;
        }
        case ClientLogin::Step::cancel: {
            auto key = login_->cancel();
            ++worker_.counters().cancels;
            shutdown_write(); // TLS is closed in good order, or libpq takes the end for an attack
            end("cancel_request");
            worker_.cancel(key);
            return in.size();
        }
        case ClientLogin::Step::authenticated:
            unread_.assign(in.substr(at));
            authenticated();
            return in.size();
        case ClientLogin::Step::failed:
            break;
        }
    }
    return at;
}

void ClientSession::login_failed() {
    auto failure = std::string(login_->failure());
    count(worker_.counters().client_errors, failure);
    worker_.log(login_->wrong_password() ? rotation::LogLevel::warn : rotation::LogLevel::info,
                "client refused address=" + peer_.text() + " user=\"" + std::string(login_->user()) +
                    "\" reason=" + failure);
    close_after_write(failure);
}

void ClientSession::refuse_login(std::string_view sqlstate, const std::string& message, std::string_view label) {
    count(worker_.counters().client_errors, label);
    write(std::string_view(login_->refusal(sqlstate, message)));
    close_after_write(label);
}

void ClientSession::authenticated() {
    if (counted_ && user_ != login_->user()) { // it logs in anew, as another one
        worker_.shared().uncount_user(user_);
        counted_ = false;
    }
    user_ = login_->user();
    database_ = login_->database();
    const auto& config = worker_.config();
    if (over_limit_) {
        count(worker_.counters().limits_hit, "client_connections");
        return refuse_login("53300", "sorry, too many clients already", "client_connections");
    }
    if (worker_.draining())
        return refuse_login("57P01", "the proxy is shutting down", "shutdown");
    const auto* route = find_route(config, listener_, database_, user_);
    if (route == nullptr)
        return refuse_login("3D000",
                            "no route for database \"" + database_ + "\" and user \"" + user_ + "\" on this listener",
                            "no_route");
    const auto* user = config.find_user(user_);
    if (user == nullptr || (!counted_ && !worker_.shared().count_user(user_, user->max_connections))) {
        count(worker_.counters().limits_hit, "max_connections");
        return refuse_login("53300", "too many connections for user \"" + user_ + "\"", "max_connections");
    }
    counted_ = true;
    upstream_name_ = route->upstream;
    backend_class_ = worker_.dialect(protocol_).backend_class(*login_, route->upstream_database);
    upstream_database_ = route->upstream_database;
    auto home = worker_.runtime().homes.at(upstream_name_);
    if (home == worker_.index())
        return start();

    // Clients live where their pool lives.
    auto parts = std::make_shared<Parts>();
    parts->listener = listener_;
    parts->peer = peer_;
    parts->protocol = protocol_;
    parts->login = std::move(login_);
    parts->id = id_;
    parts->accepted = accepted_;
    parts->unread = std::move(unread_);
    parts->upstream = upstream_name_;
    parts->backend_class = backend_class_;
    parts->upstream_database = upstream_database_;
    parts->process_id = std::exchange(process_id_, 0);
    if (parts->process_id != 0)
        worker_.process_id_moved(parts->process_id, home);
    auto socket = std::make_shared<net::Socket>(give());
    counted_ = false;
    worker_.remove_session(this);
    auto& there = *worker_.shared().workers[home];
    there.post([&there, parts, socket] { adopt(there, parts, socket); });
    stop_timer();
    phase_ = Phase::closing;
    loop_.dispose(std::unique_ptr<Disposable>(this));
}

void ClientSession::adopt(Worker& worker, std::shared_ptr<Parts> parts, std::shared_ptr<net::Socket> socket) {
    auto* session = new ClientSession(worker, std::move(*parts));
    session->user_ = session->login_->user();
    session->database_ = session->login_->database();
    session->counted_ = true;
    worker.add_session(session);
    if (session->process_id_ != 0)
        worker.take_process_id(session->process_id_, session);
    if (!session->take(std::move(*socket)))
        return session->end("epoll");
    session->start();
}

void ClientSession::start() {
    stop_timer();
    phase_ = Phase::starting;
    upstream_ = worker_.find_upstream(upstream_name_);
    if (upstream_ == nullptr || upstream_->retired())
        return refuse_login("3D000", "the route's upstream was removed from the configuration", "no_route");
    pool_ = &upstream_->pool(backend_class_);
    ++pool_->clients;
    exchange_ = upstream_->dialect().client_exchange(
        *login_, {id_, pool_->id, upstream_database_, &upstream_->configuration().pool});
    if (process_id_ == 0)
        process_id_ = worker_.new_process_id(this);
    cancel_secret_.resize(32);
    RAND_bytes(reinterpret_cast<unsigned char*>(cancel_secret_.data()), static_cast<int>(cancel_secret_.size()));
    reply_to_login();
}

void ClientSession::reply_to_login() {
    std::string out;
    auto& dialect = upstream_->dialect();
    if (auto obstacle = dialect.login_obstacle(*login_, upstream_name_); !obstacle.empty())
        return refuse_login("0A000", obstacle, "greeted_otherwise");
    if (!dialect.login_reply(*login_, *exchange_, *pool_->facts, {process_id_, cancel_secret_}, out)) {
        if (acquire())
            attached();
        return;
    }
    worker_.log(rotation::LogLevel::debug, "client logged in address=" + peer_.text() + " user=\"" + user_ +
                                               "\" upstream=" + upstream_name_ +
                                               " method=" + std::string(login_->method()));
    cancel_secret_.resize(dialect.cancel_key_size(*login_));
    auto transform = login_->transform();
    login_.reset();
    phase_ = Phase::ready;
    if (!write(std::string_view(out)))
        return end("client_gone");
    if (transform != nullptr)
        install(std::move(transform), std::exchange(unread_, {}));
    if (!lease_) {
        process_unread();
        resume();
    }
}

} // namespace rekey::proxy
