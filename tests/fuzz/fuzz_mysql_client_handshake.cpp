// ClientHandshake: a client that says anything. The first byte sets the options, the second the user's record, the rest
// is what the client sends; "$caching_sha2$caching_sha2$answer" and "$native$native$answr" in it become the right
// answers to the greeting's nonce. Read whole and byte by byte, the machine has to come to the same end.
#include "protocol/common/assert.hpp"
#include "protocol/mysql/client_handshake.hpp"
#include "protocol/mysql/packet.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace rekey::protocol;
using namespace rekey::protocol::mysql;
using Step = ClientHandshake::Step;

constexpr std::size_t longest_output = 8 * 1024; // a public key, an error that repeats a user's name
constexpr std::string_view sha2_placeholder = "$caching_sha2$caching_sha2$answer";
constexpr std::string_view native_placeholder = "$native$native$answr";
static_assert(sha2_placeholder.size() == 33 && native_placeholder.size() == 20);

ClientHandshakeOptions options(std::uint8_t bits) {
    static const std::string mock_secret(32, 'm');
    static const auto key = auth::PasswordKey::generate();
    static const UserKind kinds[] = {{.methods = {.caching_sha2 = true}}, {.methods = {.native = true}}};
    ClientHandshakeOptions made;
    made.server_version = bits & 32 ? "5.5.5-10.11.14-MariaDB" : "8.4.9";
    made.capabilities = bits & 1 ? ~Capabilities{0} : ~Capabilities{0} & ~capability::long_password;
    made.tls_offered = bits & 2;
    made.tls_required = bits & 4;
    made.unix_socket = bits & 8;
    made.mock_secret = mock_secret;
    made.kinds = kinds;
    if (bits & 16)
        made.key = &key;
    return made;
}

std::optional<UserRecord> record(std::uint8_t bits) {
    static const auto verifiers = auth::MysqlVerifiers::of_password("pencil");
    if (bits & 1)
        return std::nullopt;
    UserRecord made;
    made.verifiers = verifiers;
    made.methods = {bool(bits & 2), bool(bits & 4), bool(bits & 8), bool(bits & 16)};
    made.allow_cert = bits & 32;
    if (bits & 64)
        made.verifiers.caching_sha2.reset();
    if (bits & 128)
        made.verifiers.ed25519.reset();
    return made;
}

void put_answers(std::string& input, std::string_view greeting) {
    auto nonce = read_greeting(greeting.substr(packet_header_size))->nonce;
    // A byte longer than the answer, so that it comes with its length before it.
    auto sha2 = '\x20' + auth::caching_sha2_response("pencil", nonce);
    if (auto at = input.find(sha2_placeholder); at != std::string::npos)
        input.replace(at, sha2.size(), sha2);
    auto native = auth::native_response("pencil", nonce);
    if (auto at = input.find(native_placeholder); at != std::string::npos)
        input.replace(at, native.size(), native);
}

void finish(const ClientHandshake& machine) {
    REKEY_ASSERT(machine.user().size() <= 512 && machine.database().size() <= 512);
    std::string out;
    machine.login_reply(out);
    REKEY_ASSERT(!out.empty() && out.size() < 200);
    ConnectionAttributes attributes(machine.attributes());
    std::string_view name, value;
    while (attributes.next(name, value))
        REKEY_ASSERT(name.size() + value.size() < attributes_size_max);
}

void play(ClientHandshake& machine, std::uint8_t bits, std::string input, std::size_t chunk) {
    put_answers(input, machine.take_output());
    std::string_view rest = input;
    std::string unread;
    while (true) {
        std::size_t consumed = 0;
        auto step = machine.next(unread, consumed);
        REKEY_ASSERT(consumed <= unread.size());
        unread.erase(0, consumed);
        REKEY_ASSERT(machine.take_output().size() <= longest_output);
        if (step == Step::start_tls) {
            unread.clear();
            machine.tls_established({std::string(32, 'c'), "app"});
        } else if (step == Step::lookup) {
            machine.user_found(record(bits));
        } else if (step != Step::need_input || rest.empty()) {
            if (step == Step::authenticated)
                finish(machine);
            break;
        } else {
            unread += rest.substr(0, chunk);
            rest.remove_prefix(std::min(chunk, rest.size()));
        }
    }
    machine.closed();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    std::string input(reinterpret_cast<const char*>(data) + 2, size - 2);
    ClientHandshake whole(options(data[0]));
    play(whole, data[1], input, input.size());
    ClientHandshake pieces(options(data[0]));
    play(pieces, data[1], input, 1);
    // With TLS, what comes in one piece with the request belongs to the TLS layer; and the answers differ as the nonces
    // do.
    bool answered = input.find(sha2_placeholder) != input.npos || input.find(native_placeholder) != input.npos;
    if (options(data[0]).tls_offered || answered)
        return 0;
    REKEY_ASSERT(whole.failure() == pieces.failure() && whole.reason() == pieces.reason());
    REKEY_ASSERT(whole.user() == pieces.user() && whole.database() == pieces.database());
    REKEY_ASSERT(whole.method() == pieces.method() && whole.capabilities() == pieces.capabilities());
    return 0;
}
