#include "proxy/mysql_logins.hpp"

#include "protocol/mysql/compression.hpp"
#include "protocol/mysql/exchange_errors.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/mysql/query_attributes.hpp"

#include <algorithm>

namespace rekey::proxy {

namespace my = protocol::mysql;

namespace {

constexpr std::size_t reply_max = 1 << 20; // of a statement of ours, bytes a packet

constexpr std::string_view ask_read_only = "SELECT @@global.read_only";

rotation::LoginResult result_of(my::BackendFailure failure) {
    switch (failure) {
    case my::BackendFailure::refused:
        return rotation::LoginResult::refused;
    case my::BackendFailure::no_database:
        return rotation::LoginResult::no_database;
    case my::BackendFailure::no_privilege:
        return rotation::LoginResult::no_privilege;
    case my::BackendFailure::no_slot:
        return rotation::LoginResult::no_slot;
    case my::BackendFailure::host_refused:
    case my::BackendFailure::unavailable:
    case my::BackendFailure::tls_refused:
    case my::BackendFailure::insecure_method:
    case my::BackendFailure::protocol_violation:
        return rotation::LoginResult::unavailable;
    }
    return rotation::LoginResult::unavailable;
}

} // namespace

my::UserRecord mysql_user_record(const config::User& user, bool may_connect) {
    my::UserRecord record;
    if (!user.password.empty())
        record.verifiers = protocol::auth::MysqlVerifiers::of_password(user.password.reveal());
    for (const auto& text : user.verifiers)
        record.verifiers.add(text); // those of PostgreSQL are none
    auto has = [&](std::string_view method) {
        return std::find(user.methods.begin(), user.methods.end(), method) != user.methods.end();
    };
    record.methods.clear = has("mysql_clear_password");
    bool chosen =
        record.methods.clear || has("caching_sha2_password") || has("mysql_native_password") || has("client_ed25519");
    record.methods.caching_sha2 = chosen ? has("caching_sha2_password") : record.verifiers.caching_sha2.has_value();
    // Where only such a verifier is given, that is what was meant.
    record.methods.native = chosen ? has("mysql_native_password") : !record.verifiers.caching_sha2;
    record.methods.ed25519 = chosen ? has("client_ed25519") : !record.verifiers.caching_sha2;
    record.allow_cert = has("cert");
    record.may_connect = may_connect;
    return record;
}

MysqlClientLogin::MysqlClientLogin(my::ClientHandshakeOptions handshake, std::string server_version,
                                   std::string client_host, Kinds kinds, bool bound)
    : server_version_(std::move(server_version)), client_host_(std::move(client_host)), kinds_(std::move(kinds)) {
    greeted_ = {!(handshake.capabilities & my::capability::long_password), bound, false};
    handshake.server_version = server_version_;
    handshake.client_host = client_host_;
    handshake.kinds = *kinds_;
    handshake_ = std::make_unique<my::ClientHandshake>(handshake);
}

MysqlClientLogin::MysqlClientLogin(my::ClientHandshakeOptions handshake, std::string client_host, Kinds kinds,
                                   PeerTls peer, const my::MysqlClient& before)
    : client_host_(std::move(client_host)), kinds_(std::move(kinds)), greeted_(before.greeted()), anew_(true) {
    handshake.bare_data = greeted_.bare_data;
    handshake.client_host = client_host_;
    handshake.kinds = *kinds_;
    my::TlsFacts facts{std::move(peer.certificate_sha256), std::move(peer.certificate_name)};
    handshake_ = std::make_unique<my::ClientHandshake>(handshake, std::string(before.nonce()), before.capabilities(),
                                                       std::move(facts), before.login_fields());
}

ClientLogin::Step MysqlClientLogin::next(std::string_view in, std::size_t& consumed) {
    switch (handshake_->next(in, consumed)) {
    case my::ClientHandshake::Step::need_input:
        return Step::need_input;
    case my::ClientHandshake::Step::start_tls:
        return Step::start_tls;
    case my::ClientHandshake::Step::lookup:
        return Step::lookup;
    case my::ClientHandshake::Step::authenticated:
        return Step::authenticated;
    case my::ClientHandshake::Step::failed:
        return Step::failed;
    }
    return Step::failed;
}

// Clients send the first words of TLS right behind the request for it.
std::size_t MysqlClientLogin::read_max() const {
    bool may_ask = !handshake_->tls() && handshake_->user().empty();
    return may_ask ? my::packet_header_size + my::ssl_request_size : 0;
}

void MysqlClientLogin::tls_established(PeerTls peer) {
    handshake_->tls_established({std::move(peer.certificate_sha256), std::move(peer.certificate_name)});
}

void MysqlClientLogin::user_found(const config::User* user, bool may_connect) {
    if (user == nullptr)
        handshake_->user_found(std::nullopt);
    else
        handshake_->user_found(mysql_user_record(*user, may_connect));
}

std::string MysqlClientLogin::refusal(std::string_view sqlstate, std::string_view message) const {
    auto number = my::error_number(sqlstate);
    std::string out;
    handshake_->refusal(out, {number.code, number.sqlstate, message});
    return out;
}

// A client that asks for both gets what servers give it. One that logs in anew goes on as it is.
std::unique_ptr<protocol::Transform> MysqlClientLogin::transform() const {
    if (anew_)
        return nullptr;
    if (handshake_->capabilities() & my::capability::compress)
        return std::make_unique<my::Compression>(my::CompressionAlgorithm::zlib);
    if (handshake_->capabilities() & my::capability::zstd)
        return std::make_unique<my::Compression>(my::CompressionAlgorithm::zstd, handshake_->zstd_level());
    return nullptr;
}

std::string MysqlStatementRun::start(std::string_view statement) {
    outcome_ = {};
    outcome_.ok = true;
    state_ = State::first;
    std::string out;
    my::PacketWriter packet(out, 0);
    packet.u8(static_cast<std::uint8_t>(my::Command::query));
    if (capabilities_ & my::capability::query_attributes)
        packet.bytes(my::no_attributes);
    packet.bytes(statement);
    packet.end();
    return out;
}

bool MysqlStatementRun::next(std::string_view in, std::size_t& consumed) {
    consumed = 0;
    while (state_ != State::over && in.size() - consumed >= my::packet_header_size) {
        auto header = my::read_packet_header(in.data() + consumed);
        if (header.size > reply_max) {
            broken();
            break;
        }
        if (in.size() - consumed < my::packet_header_size + header.size)
            return false;
        auto payload = in.substr(consumed + my::packet_header_size, header.size);
        consumed += my::packet_header_size + header.size;
        read(payload);
    }
    return state_ == State::over;
}

void MysqlStatementRun::read(std::string_view payload) {
    if (payload.empty())
        return broken();
    auto first = static_cast<unsigned char>(payload.front());
    switch (state_) {
    case State::first:
        return read_first(payload);
    case State::columns:
        if (--columns_left_ == 0)
            state_ = (capabilities_ & my::capability::deprecate_eof) ? State::rows : State::end_of_columns;
        return;
    case State::end_of_columns:
        state_ = State::rows;
        return;
    case State::rows:
        if (first == my::err_header)
            return failed(payload);
        if (!my::is_end_of_rows(first, payload.size(), capabilities_))
            return read_row(payload);
        if (capabilities_ & my::capability::deprecate_eof) {
            auto ok = my::read_ok(payload, capabilities_);
            return ok ? end_of_result(ok->status) : broken();
        } else {
            auto eof = my::read_eof(payload);
            return eof ? end_of_result(eof->status) : broken();
        }
    case State::over:
        return;
    }
}

void MysqlStatementRun::read_first(std::string_view payload) {
    switch (static_cast<unsigned char>(payload.front())) {
    case my::ok_header:
        if (auto ok = my::read_ok(payload, capabilities_))
            return end_of_result(ok->status);
        return broken();
    case my::err_header:
        return failed(payload);
    case my::local_infile_header: // we asked for no file
        return broken();
    default:
        break;
    }
    my::PacketReader reader(payload);
    columns_ = columns_left_ = reader.lenenc();
    if (!reader.done() || columns_ == 0)
        return broken();
    state_ = State::columns;
}

void MysqlStatementRun::read_row(std::string_view payload) {
    constexpr int null_column = 0xfb;
    auto& row = outcome_.rows.emplace_back();
    my::PacketReader reader(payload);
    for (std::uint64_t i = 0; i < columns_; ++i) {
        if (reader.peek() == null_column) {
            reader.u8();
            row.emplace_back();
        } else {
            row.emplace_back(reader.lenenc_text());
        }
        if (reader.failed())
            return broken();
    }
}

void MysqlStatementRun::end_of_result(my::Status status) {
    state_ = (status & my::status::more_results) ? State::first : State::over;
}

void MysqlStatementRun::failed(std::string_view payload) {
    auto err = my::read_err(payload);
    if (!err)
        return broken();
    outcome_.ok = false;
    outcome_.error = err->code;
    outcome_.sqlstate = err->sqlstate;
    outcome_.reason = err->message;
    state_ = State::over;
}

void MysqlStatementRun::broken() {
    outcome_.ok = false;
    outcome_.error = 1835;
    outcome_.sqlstate = "08S01";
    outcome_.reason = "unintelligible reply";
    state_ = State::over;
}

MysqlBackendLogin::MysqlBackendLogin(rotation::CredentialPtr credential, my::BackendHandshakeOptions options)
    : credential_(std::move(credential)), handshake_(std::move(options)) {}

BackendLogin::Step MysqlBackendLogin::next(std::string_view in, std::size_t& consumed) {
    consumed = 0;
    if (!run_) {
        switch (handshake_.next(in, consumed)) {
        case my::BackendHandshake::Step::need_input:
            return Step::need_input;
        case my::BackendHandshake::Step::start_tls:
            return Step::start_tls;
        case my::BackendHandshake::Step::derive:
            return Step::derive;
        case my::BackendHandshake::Step::done:
            return ask();
        case my::BackendHandshake::Step::failed:
            result_ = result_of(handshake_.failure());
            return Step::failed;
        }
    }
    std::size_t used = 0;
    bool over = run_->next(in, used);
    consumed = used;
    return over ? answered() : Step::need_input;
}

// Whether the server takes writes is not in its greeting.
BackendLogin::Step MysqlBackendLogin::ask() {
    key_ = {handshake_.result().thread_id, {}};
    run_ = std::make_unique<MysqlStatementRun>(handshake_.result().capabilities);
    output_ = run_->start(ask_read_only);
    return Step::need_input;
}

BackendLogin::Step MysqlBackendLogin::answered() {
    auto outcome = run_->take_outcome();
    if (!outcome.ok) {
        sqlstate_ = outcome.sqlstate;
        reason_ = outcome.reason;
        result_ = rotation::LoginResult::unavailable;
        return Step::failed;
    }
    if (outcome.rows.size() == 1 && outcome.rows.front().size() == 1)
        standby_ = outcome.rows.front().front() != "0";
    result_ = rotation::LoginResult::accepted;
    return Step::done;
}

BackendLogin::Derivation MysqlBackendLogin::derivation() {
    const auto& salt = handshake_.derive_request();
    auto key = "parsec:" + std::to_string(salt.iterations) + ":" + salt.salt;
    // The credential is held by the job: it may outlive this login.
    return {std::move(key), [credential = credential_, salt] {
                return protocol::auth::parsec_seed(credential->password.reveal(), salt);
            }};
}

void MysqlBackendLogin::closed() {
    if (run_) {
        reason_ = "the server closed the connection";
        result_ = rotation::LoginResult::unavailable;
        return;
    }
    handshake_.closed();
    result_ = result_of(handshake_.failure());
}

std::string MysqlBackendLogin::take_output() {
    auto out = handshake_.take_output();
    out += std::exchange(output_, {});
    return out;
}

} // namespace rekey::proxy
