// BackendHandshake: a server that says anything. The first byte sets the options, the rest is what the server sends.
// Read whole and byte by byte, the machine has to come to the same end; without a secure connection, the password is
// never written as it is.
#include "protocol/common/assert.hpp"
#include "protocol/mysql/backend_handshake.hpp"
#include "protocol/mysql/messages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace rekey::protocol;
using namespace rekey::protocol::mysql;
using Step = BackendHandshake::Step;

constexpr std::string_view password_text = "pencil and paper";
constexpr std::size_t longest_output = 4 * 1024;

BackendHandshakeOptions options(std::uint8_t bits) {
    static const Secret password(password_text);
    BackendHandshakeOptions made;
    made.user = "app";
    made.database = bits & 4 ? "orders" : "";
    made.password = bits & 8 ? nullptr : &password;
    made.capabilities = bits & 16 ? ~Capabilities{0} : capability::session_track;
    made.attributes = {{"program_name", "fuzz"}};
    made.tls = static_cast<TlsWish>((bits & 3) % 3);
    made.unix_socket = bits & 32;
    made.request_public_key = bits & 64;
    return made;
}

void check_output(std::string_view output, bool secure) {
    REKEY_ASSERT(output.size() <= longest_output);
    REKEY_ASSERT(secure || output.find(password_text) == std::string_view::npos);
}

void play(BackendHandshake& machine, std::uint8_t bits, std::string_view input, std::size_t chunk) {
    std::string unread;
    bool secure = bits & 32;
    while (true) {
        std::size_t consumed = 0;
        auto step = machine.next(unread, consumed);
        REKEY_ASSERT(consumed <= unread.size());
        unread.erase(0, consumed);
        check_output(machine.take_output(), secure);
        if (step == Step::start_tls) {
            machine.tls_established();
            secure = true;
        } else if (step == Step::derive) {
            const auto& request = machine.derive_request();
            REKEY_ASSERT(request.iterations >= 1024 && request.iterations <= 8192 && request.salt.size() == 18);
            machine.derived(Secret(std::string(32, 's')));
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
    REKEY_ASSERT(!has_password || machine.reason().find(password_text) == std::string_view::npos);
    REKEY_ASSERT(machine.sqlstate().empty() || machine.sqlstate().size() == 5);
    SessionChanges changes(machine.result().session_state);
    SessionChange change;
    while (changes.next(change))
        REKEY_ASSERT(change.name.size() + change.value.size() <= machine.result().session_state.size());
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
    // What comes in one piece with the greeting is refused where TLS comes next.
    if (options(bits).tls != TlsWish::none && !(bits & 32))
        return 0;
    REKEY_ASSERT(whole.failure() == pieces.failure() && whole.reason() == pieces.reason());
    REKEY_ASSERT(whole.code() == pieces.code() && whole.sqlstate() == pieces.sqlstate());
    REKEY_ASSERT(whole.result().method == pieces.result().method);
    REKEY_ASSERT(whole.result().session_state == pieces.result().session_state);
    return 0;
}
