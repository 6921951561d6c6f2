// ClientHandshake: a client that says anything. The first byte sets the options, the rest is what the client sends.
// Read whole and byte by byte, the machine has to come to the same end.
#include "protocol/common/assert.hpp"
#include "protocol/postgres/client_handshake.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace rekey::protocol;
using namespace rekey::protocol::postgres;
using Step = ClientHandshake::Step;

constexpr std::size_t longest_output = 32 * 1024; // an error may repeat a start-up packet

ClientHandshakeOptions options(std::uint8_t bits) {
    static const std::string mock_secret(32, 'm');
    ClientHandshakeOptions made;
    made.tls_offered = bits & 1;
    made.tls_required = bits & 2;
    made.unix_socket = bits & 4;
    made.mock_secret = mock_secret;
    made.mock_iterations = 1;
    return made;
}

std::optional<UserRecord> record(std::uint8_t bits) {
    static const auto verifier = auth::scram_verifier("pencil", "0123456789abcdef", 1);
    if (bits & 8)
        return std::nullopt;
    UserRecord made;
    made.allow_md5 = bits & 16;
    made.allow_cert = bits & 32;
    if (made.allow_md5)
        made.password = Secret("pencil");
    else
        made.scram = verifier;
    return made;
}

void play(ClientHandshake& machine, std::uint8_t bits, std::string_view input, std::size_t chunk) {
    std::string unread;
    while (true) {
        std::size_t consumed = 0;
        auto step = machine.next(unread, consumed);
        REKEY_ASSERT(consumed <= unread.size());
        unread.erase(0, consumed);
        REKEY_ASSERT(machine.take_output().size() <= longest_output);
        if (step == Step::start_tls) {
            unread.clear();
            machine.tls_established({bits & 64 ? std::string(32, 'h') : "", bits & 128 ? "postgresql" : "", "app"});
        } else if (step == Step::lookup) {
            REKEY_ASSERT(!machine.user().empty() && !machine.database().empty());
            machine.user_found(record(bits));
        } else if (step != Step::need_input || input.empty()) {
            break;
        } else {
            unread += input.substr(0, chunk);
            input.remove_prefix(std::min(chunk, input.size()));
        }
    }
    machine.closed();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    ClientHandshake whole(options(data[0]));
    play(whole, data[0], input, input.size());
    ClientHandshake pieces(options(data[0]));
    play(pieces, data[0], input, 1);
    // With TLS, what comes in one piece with the request is refused, and what comes later belongs to the TLS layer.
    if (options(data[0]).tls_offered)
        return 0;
    REKEY_ASSERT(whole.failure() == pieces.failure() && whole.reason() == pieces.reason());
    REKEY_ASSERT(whole.user() == pieces.user() && whole.parameters() == pieces.parameters());
    REKEY_ASSERT(whole.method() == pieces.method() && whole.cancel().key == pieces.cancel().key);
    for (const auto& [name, value] : whole.parameters())
        REKEY_ASSERT(is_parameter_name(name));
    return 0;
}
