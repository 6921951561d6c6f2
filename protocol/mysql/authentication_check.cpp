#include "protocol/mysql/authentication_check.hpp"

#include "protocol/auth/hexadecimal.hpp"
#include "protocol/common/assert.hpp"
#include "protocol/mysql/messages_login.hpp"

namespace rekey::protocol::mysql {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view fast_success = "\x01\x03"sv, full_authentication = "\x01\x04"sv;

// In the order of their strength.
constexpr Plugin preferred[] = {Plugin::caching_sha2, Plugin::ed25519, Plugin::native, Plugin::clear};

template <typename Bytes> std::string_view view(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// As a NUL-terminated text; absent if it is none.
std::optional<std::string_view> clear_text(std::string_view response) {
    if (response.empty() || response.find('\0') != response.size() - 1)
        return std::nullopt;
    return response.substr(0, response.size() - 1);
}

} // namespace

UserKind kind_of(const UserRecord& record) {
    const auto& verifiers = record.verifiers;
    return {record.methods, verifiers.caching_sha2.has_value(), verifiers.ed25519.has_value(),
            verifiers.native.has_value()};
}

UserRecord mock_user(std::string_view user, std::string_view mock_secret, std::span<const UserKind> kinds) {
    UserRecord record;
    record.verifiers = auth::MysqlVerifiers::mock(user, mock_secret);
    UserKind kind{.methods = {.caching_sha2 = true}};
    if (!kinds.empty())
        kind = kinds[auth::hmac_sha256(mock_secret, "kind\n" + std::string(user))[0] % kinds.size()];
    record.methods = kind.methods;
    if (!kind.caching_sha2)
        record.verifiers.caching_sha2.reset();
    if (!kind.ed25519)
        record.verifiers.ed25519.reset();
    if (!kind.native)
        record.verifiers.native.reset();
    return record;
}

AuthenticationCheck::AuthenticationCheck(const UserRecord& record, AuthenticationCheckOptions options, bool trusted,
                                         bool doomed)
    : record_(record), options_(std::move(options)), trusted_(trusted), doomed_(doomed) {
    nonce_ = options_.nonce;
}

// Whether this user can be checked by the plugin on this connection.
bool AuthenticationCheck::usable(Plugin plugin) const {
    const auto& [sha2, ed25519, native] = record_.verifiers;
    switch (plugin) {
    case Plugin::caching_sha2:
        return trusted_ || (record_.methods.caching_sha2 &&
                            (sha2 || (record_.verifiers.any() && (options_.secure || options_.key != nullptr))));
    case Plugin::ed25519:
        return record_.methods.ed25519 && ed25519 && !trusted_;
    case Plugin::native:
        return trusted_ || (record_.methods.native && native);
    case Plugin::clear:
        return options_.secure && (trusted_ || (record_.methods.clear && record_.verifiers.any()));
    case Plugin::sha256:
    case Plugin::parsec:
        return false;
    }
    REKEY_ASSERT(false);
}

// What the client began with if that will do, else the strongest. Full authentication needs TLS or an exchange of
// keys that many clients refuse: it is the last choice without TLS.
std::optional<Plugin> AuthenticationCheck::choice(std::optional<Plugin> offered) const {
    bool full_only = !record_.verifiers.caching_sha2 && !options_.secure && !trusted_;
    auto last = [&](Plugin plugin) { return full_only && plugin == Plugin::caching_sha2; };
    if (offered && usable(*offered) && !last(*offered))
        return offered;
    for (auto plugin : preferred)
        if (usable(plugin) && !last(plugin))
            return plugin;
    if (usable(Plugin::caching_sha2))
        return Plugin::caching_sha2;
    return std::nullopt;
}

AuthenticationCheck::Step AuthenticationCheck::begin(std::string_view plugin, std::string_view response) {
    REKEY_ASSERT(state_ == State::first_answer);
    using_password_ = !response.empty();
    // A client that names no plugin is one from before there were any.
    auto offered = options_.plugin_auth ? plugin_of(plugin) : Plugin::native;
    auto chosen = choice(offered);
    if (!chosen)
        return result(false);
    plugin_ = *chosen;
    // The greeting's nonce is no answer's to a plugin with a nonce of its own.
    if (offered == plugin_ && plugin_ != Plugin::ed25519)
        return check(response);
    return ask_switch(true);
}

AuthenticationCheck::Step AuthenticationCheck::begin_anew(std::string_view response) {
    REKEY_ASSERT(state_ == State::first_answer);
    bool before_plugins = !options_.plugin_auth;
    auto chosen = choice(before_plugins ? std::optional(Plugin::native) : std::nullopt);
    if (!chosen)
        return result(false);
    plugin_ = *chosen;
    using_password_ = !response.empty();
    return before_plugins && plugin_ == Plugin::native ? check(response) : ask_switch(false);
}

AuthenticationCheck::Step AuthenticationCheck::ask_switch(bool new_nonce_wanted) {
    if (!options_.plugin_auth) {
        state_ = State::over;
        return Step::no_plugin;
    }
    std::string data;
    if (plugin_ == Plugin::ed25519) {
        data = nonce_ = auth::random_bytes(auth::ed25519_nonce_size);
    } else {
        if (new_nonce_wanted)
            nonce_ = new_nonce();
        data = plugin_ == Plugin::clear ? std::string() : nonce_ + '\0';
    }
    packet_ = static_cast<char>(auth_switch_header);
    packet_.append(name_of(plugin_)).append(1, '\0').append(data);
    state_ = State::switched;
    return Step::ask;
}

AuthenticationCheck::Step AuthenticationCheck::answer(std::string_view payload) {
    switch (state_) {
    case State::switched:
        using_password_ = !payload.empty();
        return check(payload);
    case State::full:
    case State::encrypted:
        return read_full(payload);
    case State::first_answer:
    case State::over:
        break;
    }
    REKEY_ASSERT(false);
}

AuthenticationCheck::Step AuthenticationCheck::check(std::string_view response) {
    switch (plugin_) {
    case Plugin::caching_sha2:
        return check_caching_sha2(response);
    case Plugin::ed25519:
        return result(auth::ed25519_proves(*record_.verifiers.ed25519, nonce_, response));
    case Plugin::native:
        return result(!trusted_ && auth::native_proves(*record_.verifiers.native, nonce_, response));
    case Plugin::clear:
        return check_clear(response);
    case Plugin::sha256:
    case Plugin::parsec:
        break;
    }
    REKEY_ASSERT(false);
}

AuthenticationCheck::Step AuthenticationCheck::check_caching_sha2(std::string_view response) {
    // No password, which some clients say by a NUL; they wait for no word between this and the OK.
    if (response.empty() || response == "\0"sv) {
        using_password_ = false;
        return result(false);
    }
    success_prefix_ = fast_success;
    if (trusted_)
        return result(true);
    const auto& hash = record_.verifiers.caching_sha2;
    if (hash && auth::caching_sha2_proves(*hash, nonce_, response))
        return result(true);
    // MariaDB's clients give the password itself where they trust the connection. A hash may end in NUL, too.
    if (options_.secure && response.back() == '\0') {
        success_prefix_ = {};
        auto step = check_clear(response);
        if (hash || step == Step::accepted || response.size() != sizeof(auth::Digest))
            return step;
    }
    return hash ? result(false) : ask_full();
}

AuthenticationCheck::Step AuthenticationCheck::ask_full() {
    success_prefix_ = {};
    packet_ = full_authentication;
    state_ = State::full;
    return Step::ask;
}

AuthenticationCheck::Step AuthenticationCheck::read_full(std::string_view payload) {
    if (options_.secure)
        return check_clear(payload);
    if (state_ == State::full && payload.size() == 1 && payload[0] == sha2_key_request) {
        packet_ = static_cast<char>(auth_more_data_header) + options_.key->public_key();
        state_ = State::encrypted;
        return Step::ask;
    }
    auto password = options_.key->decrypt(payload, nonce_);
    return result(password && record_.verifiers.matches(password->reveal()));
}

AuthenticationCheck::Step AuthenticationCheck::check_clear(std::string_view response) {
    auto password = clear_text(response);
    using_password_ = password && !password->empty();
    return result(using_password_ && !trusted_ && record_.verifiers.matches(*password));
}

AuthenticationCheck::Step AuthenticationCheck::result(bool proven) {
    state_ = State::over;
    return (proven || trusted_) && !doomed_ ? Step::accepted : Step::refused;
}

std::string AuthenticationCheck::certificate_proof(std::string_view certificate_sha256) const {
    if (certificate_sha256.size() != sizeof(auth::Digest) || trusted_)
        return {};
    std::string_view hash;
    std::string_view nonce = options_.nonce;
    if (plugin_ == Plugin::ed25519) {
        hash = view(*record_.verifiers.ed25519);
    } else if (plugin_ == Plugin::native) {
        hash = view(*record_.verifiers.native);
        nonce = nonce_;
    } else {
        return {};
    }
    return '\x01' + auth::to_hexadecimal(auth::view(auth::sha256({hash, nonce, certificate_sha256})));
}

} // namespace rekey::protocol::mysql
