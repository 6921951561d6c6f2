// Arbitrary bytes from a client and from a server through the exchange, in arbitrary pieces: no crash, nothing consumed
// that was not there, and what a client's pure forwarding puts out never exceeds what came in.
#include "protocol/common/assert.hpp"
#include "protocol/postgres/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace rekey::protocol;
using namespace rekey::protocol::postgres;

namespace {

constexpr std::size_t pieces_max = 512;

void run(std::string_view input, Multiplexing mode) {
    ExchangeContext context;
    context.message_collect = 4096;
    PostgresClient::Options client_options;
    client_options.context = &context;
    client_options.id = 1;
    client_options.mode = mode;
    client_options.prepared_statements = 2;
    client_options.startup = context.parameters.intern({{"work_mem", "1MB"}});
    PostgresClient client(std::move(client_options));
    PostgresBackend::Options backend_options;
    backend_options.context = &context;
    backend_options.login_user = "login";
    backend_options.reported = {{"client_encoding", "UTF8"}};
    PostgresBackend backend(std::move(backend_options));
    Output to_backend, to_client;
    std::string from_client, from_backend;
    backend.attach(client, to_backend);
    client.told(backend.reported());
    bool linked = true;
    // A byte says who speaks and how much; the rest is what is said.
    for (std::size_t pieces = 0; !input.empty() && pieces < pieces_max; ++pieces) {
        auto control = static_cast<unsigned char>(input.front());
        input.remove_prefix(1);
        auto piece = input.substr(0, control >> 2);
        input.remove_prefix(piece.size());
        to_backend.clear();
        to_client.clear();
        if ((control & 1) != 0) {
            from_client += piece;
            auto turn = client.on_client(from_client, linked ? &backend : nullptr, to_backend, to_client);
            REKEY_ASSERT(turn.consumed <= from_client.size());
            from_client.erase(0, turn.consumed);
            if (turn.want == ClientWant::violation || turn.want == ClientWant::terminate)
                break;
            if (turn.want == ClientWant::backend && !linked && backend.safe_point())
                linked = backend.attach(client, to_backend) == AttachResult::ready || true;
        } else {
            from_backend += piece;
            auto turn = backend.on_backend(from_backend, linked ? &client : nullptr, to_client, to_backend);
            REKEY_ASSERT(turn.consumed <= from_backend.size());
            from_backend.erase(0, turn.consumed);
            if (turn.broken) {
                if (linked)
                    backend.lost(client, "57P01", "lost", to_client);
                return;
            }
            if (linked && backend.safe_point() && backend.cycle_end(client, to_backend) == CycleEnd::release)
                linked = false;
        }
    }
    to_backend.clear();
    if (linked)
        backend.client_gone(client, false, to_backend);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    std::string_view input(reinterpret_cast<const char*>(data), size);
    run(input.substr(1), static_cast<Multiplexing>(data[0] & 3));
    return 0;
}
