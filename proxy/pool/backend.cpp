#include "proxy/pool/backend.hpp"

#include "proxy/pool/upstream.hpp"
#include "proxy/session/client_session.hpp"

namespace rekey::proxy {

namespace {
constexpr int rounds_max = 8; // reads before the other sockets have their turn
constexpr std::size_t kept_capacity_max = 512;
constexpr std::string_view unexpected_end = "server closed the connection unexpectedly";
} // namespace

Backend::Backend(Upstream& upstream, Pool& pool, net::ConnectResult login, const rotation::Credential& credential,
                 Origin origin)
    : Connection(upstream.worker().loop()), upstream_(upstream), pool_(pool),
      exchange_(upstream.dialect().backend_exchange(*login.login, credential)),
      cancel_key_(login.login->cancel_key()), origin_(std::move(origin)),
      id_(upstream.worker().shared().next_backend_id++), born_(loop_.now()), since_(born_),
      unread_(std::move(login.unread)) {
    // Spread by a tenth, so that what was opened together does not end together.
    auto lifetime = upstream.configuration().pool.max_lifetime;
    auto spread = static_cast<std::uint64_t>(lifetime.count() / 5 + 1);
    expires_ = born_ + lifetime - lifetime / 10 +
               std::chrono::milliseconds(static_cast<std::int64_t>(upstream.worker().random(spread)));
    take(std::move(login.socket));
}

Backend::~Backend() = default;

void Backend::set_state(BackendState state) {
    state_ = state;
    since_ = loop_.now();
}

void Backend::lease_to(ClientSession* client) {
    client_ = client;
    ++lease_serial_;
    set_state(BackendState::active);
}

void Backend::client_detached() { client_ = nullptr; }

bool Backend::send(const protocol::Output& output) { return write(output); }

void Backend::on_readable() {
    auto& worker = upstream_.worker();
    for (int round = 0; round < rounds_max; ++round) {
        if (client_ != nullptr && client_->congested())
            return; // its on_drained() resumes us
        auto scratch = worker.scratch();
        auto result = read(scratch);
        if (result.status == net::ReadStatus::would_block)
            return;
        if (result.status == net::ReadStatus::end)
            return lost(unexpected_end);
        if (unread_.empty()) {
            handle({scratch.data(), result.size});
        } else {
            unread_.append(scratch.data(), result.size);
            auto in = std::move(unread_);
            unread_.clear();
            handle(in);
        }
        if (!open())
            return;
    }
    loop_.again(this);
}

void Backend::on_drained() {
    if (client_ != nullptr)
        client_->resume_reading();
}

void Backend::handle(std::string_view in) {
    auto& worker = upstream_.worker();
    auto& to_client = worker.to_client();
    auto& to_backend = worker.to_backend();
    auto turn = exchange_->on_backend(in, client_ != nullptr ? client_->exchange() : nullptr, to_client, to_backend);
    bool client_open = client_ == nullptr || client_->send(to_client);
    bool open = write(to_backend);
    to_client.clear();
    to_backend.clear();
    unread_.assign(in.substr(turn.consumed));
    if (unread_.empty() && unread_.capacity() > kept_capacity_max)
        unread_ = std::string();
    if (turn.broken || !open)
        return lost(turn.broken ? turn.reason : unexpected_end);
    if (!client_open) {
        client_->broken();
        return;
    }
    settle();
}

void Backend::settle() {
    if (client_ != nullptr) {
        client_->backend_progress();
    } else if (state_ == BackendState::resetting && exchange_->safe_point()) {
        upstream_.returned(*this);
    }
}

void Backend::lost(std::string_view reason) {
    if (state_ == BackendState::closing)
        return;
    auto* client = std::exchange(client_, nullptr);
    set_state(BackendState::closing);
    std::string why(reason);
    close_socket();
    upstream_.ended_by_server();
    upstream_.gone(*this);
    if (client != nullptr)
        client->backend_lost(*exchange_, why);
    count(upstream_.worker().counters().closes, client != nullptr ? "backend_lost_in_use" : "backend_lost");
    upstream_.worker().log(client != nullptr ? rotation::LogLevel::warn : rotation::LogLevel::info,
                           "backend closed by the server upstream=" + upstream_.configuration().name +
                               " host=" + origin_.host.text() + " reason=\"" + why + "\"");
    loop_.dispose(std::unique_ptr<Disposable>(this));
}

void Backend::close(std::string_view reason) {
    if (state_ == BackendState::closing)
        return;
    set_state(BackendState::closing);
    write(std::string_view(upstream_.dialect().goodbye()));
    close_socket();
    upstream_.gone(*this);
    count(upstream_.worker().counters().closes, reason);
    loop_.dispose(std::unique_ptr<Disposable>(this));
}

void Backend::check_health() {
    auto& out = upstream_.worker().to_backend();
    exchange_->health_check(out);
    set_state(BackendState::resetting);
    bool open = write(out);
    out.clear();
    if (!open)
        lost(unexpected_end);
}

void Backend::cancel_ended() {
    --cancels_;
    if (cancels_ == 0 && state_ == BackendState::cancelling)
        upstream_.returned(*this);
}

BackendLease& BackendLease::operator=(BackendLease&& other) noexcept {
    if (this != &other) {
        end();
        backend_ = std::exchange(other.backend_, nullptr);
    }
    return *this;
}

void BackendLease::release() {
    if (auto* backend = std::exchange(backend_, nullptr)) {
        backend->client_detached();
        backend->upstream().returned(*backend);
    }
}

void BackendLease::end() {
    auto* backend = std::exchange(backend_, nullptr);
    if (backend == nullptr)
        return;
    auto* client = backend->client();
    backend->client_detached();
    backend->upstream().abandoned(*backend, *client->exchange());
}

} // namespace rekey::proxy
