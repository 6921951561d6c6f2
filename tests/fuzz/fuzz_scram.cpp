// SCRAM's messages, verifiers and the preparation of passwords. A first byte says which; the texts of one exchange are
// divided by line feeds.
#include "protocol/auth/base64.hpp"
#include "protocol/auth/saslprep.hpp"
#include "protocol/auth/scram_client.hpp"
#include "protocol/auth/scram_server.hpp"
#include "protocol/auth/utf8.hpp"
#include "protocol/common/assert.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace rekey::protocol::auth;

constexpr std::string_view nonce = "0123456789";

std::string_view take_line(std::string_view& text) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
}

void serve(std::string_view text, bool plus) {
    static const auto verifier = scram_verifier("pencil", "0123456789abcdef", 1);
    ScramServer server({verifier, false, plus, plus ? std::string(32, 'h') : "", std::string(nonce)});
    if (!server.first(take_line(text))) {
        REKEY_ASSERT(server.fault().sqlstate.size() == 5);
        return;
    }
    auto answer = server.final(take_line(text));
    REKEY_ASSERT(answer || server.wrong_password() || server.fault().sqlstate.size() == 5);
}

void ask(std::string_view text) {
    ScramClient client(ScramBinding::none, {}, std::string(nonce));
    if (!client.server_first(take_line(text), 8))
        return;
    REKEY_ASSERT(client.iterations() >= 1 && client.iterations() <= 8 && !client.salt().empty());
    client.final(scram_keys("pencil", client.salt(), client.iterations()));
    client.server_final(text);
}

void read_verifier(std::string_view text) {
    auto verifier = ScramVerifier::parse(text);
    if (!verifier)
        return;
    auto again = ScramVerifier::parse(verifier->text());
    REKEY_ASSERT(again && again->text() == verifier->text());
}

void decode(std::string_view text) {
    if (auto bytes = base64_decode(text))
        REKEY_ASSERT(base64_encode(*bytes) == text);
    if (auto codes = decode_utf8(text))
        REKEY_ASSERT(encode_utf8(*codes) == text);
}

void prepare(std::string_view password) {
    auto prepared = saslprep(password);
    if (prepared)
        REKEY_ASSERT(decode_utf8(*prepared));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 6) {
    case 0:
        serve(text, false);
        break;
    case 1:
        serve(text, true);
        break;
    case 2:
        ask(text);
        break;
    case 3:
        read_verifier(text);
        break;
    case 4:
        decode(text);
        break;
    case 5:
        prepare(text);
        break;
    }
    return 0;
}
