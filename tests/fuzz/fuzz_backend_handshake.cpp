// BackendHandshake: a server that says anything. The first byte sets the options, the rest is what the server sends;
// "$nonce" in it becomes the nonce the machine has sent, so that SCRAM can go beyond its first message.
// Read whole and byte by byte, the machine has to come to the same end.
#include "protocol/common/assert.hpp"
#include "protocol/postgres/backend_handshake.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace rekey::protocol;
using namespace rekey::protocol::postgres;
using Step = BackendHandshake::Step;

constexpr std::size_t nonce_size = 24;
constexpr std::string_view placeholder = "$nonce$nonce$nonce$nonce"; // as long as the nonce: frames keep their length

BackendHandshakeOptions options(std::uint8_t bits) {
    static const Secret password("pencil");
    BackendHandshakeOptions made;
    made.user = "app";
    made.password = bits & 8 ? nullptr : &password;
    made.tls = static_cast<TlsWish>((bits & 3) % 3);
    made.direct_tls = bits & 4;
    made.scram_iterations_max = 8;
    return made;
}

void put_nonce(std::string& unread, std::string_view nonce) {
    auto at = unread.find(placeholder);
    if (at != std::string::npos && nonce.size() == nonce_size)
        unread.replace(at, nonce_size, nonce);
}

void play(BackendHandshake& machine, std::uint8_t bits, std::string_view input, std::size_t chunk) {
    std::string unread, nonce;
    while (true) {
        std::size_t consumed = 0;
        put_nonce(unread, nonce);
        auto step = machine.next(unread, consumed);
        REKEY_ASSERT(consumed <= unread.size());
        unread.erase(0, consumed);
        auto output = machine.take_output();
        if (auto at = output.find("n=,r="); at != std::string::npos)
            nonce = output.substr(at + 5);
        if (step == Step::start_tls) {
            machine.tls_established(bits & 16 ? std::string(32, 'h') : "");
        } else if (step == Step::derive) {
            const auto& request = machine.derive_request();
            REKEY_ASSERT(request.iterations >= 1 && request.iterations <= 8 && !request.salt.empty());
            machine.derived(auth::scram_keys("pencil", request.salt, request.iterations));
        } else if (step != Step::need_input || input.empty()) {
            break;
        } else {
            unread += input.substr(0, chunk);
            input.remove_prefix(std::min(chunk, input.size()));
        }
    }
    machine.closed();
}

void check(const BackendHandshake& machine, bool has_password) {
    for (char c : machine.reason())
        REKEY_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    REKEY_ASSERT(!has_password || machine.reason().find("pencil") == std::string_view::npos);
    REKEY_ASSERT(machine.sqlstate().empty() || machine.sqlstate().size() == 5);
    REKEY_ASSERT(machine.result().key.size() <= 256);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    auto bits = data[0];
    std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    BackendHandshake whole(options(bits));
    play(whole, bits, input, input.size());
    check(whole, options(bits).password != nullptr);
    BackendHandshake pieces(options(bits));
    play(pieces, bits, input, 1);
    check(pieces, options(bits).password != nullptr);
    // What comes in one piece with the answer to the TLS request is refused; the nonce is not known in time then,
    // either.
    if (options(bits).tls != TlsWish::none || input.find(placeholder) != std::string_view::npos)
        return 0;
    REKEY_ASSERT(whole.failure() == pieces.failure() && whole.reason() == pieces.reason());
    REKEY_ASSERT(whole.sqlstate() == pieces.sqlstate() && whole.result().method == pieces.result().method);
    REKEY_ASSERT(whole.result().parameters == pieces.result().parameters && whole.result().key == pieces.result().key);
    return 0;
}
