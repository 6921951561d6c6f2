// Arbitrary bytes from two clients and two servers through the exchange, in arbitrary pieces: no crash, nothing
// consumed that was not there, nothing kept for a backend that owes nothing, and no backend released that owes a reply.
#include "protocol/common/assert.hpp"
#include "protocol/mysql/exchange.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

using namespace rekey::protocol;
using namespace rekey::protocol::mysql;

namespace {

constexpr std::size_t pieces_max = 512;

struct World {
    explicit World(unsigned char chosen) : choice(chosen) {
        context.message_collect = 4096;
        for (unsigned i = 0; i < clients.size(); ++i)
            make_client(i);
        for (auto& backend : backends) {
            MysqlBackend::Options options;
            options.context = &context;
            options.capabilities = backend_capabilities;
            if ((choice & 0x70) == 0x30) // both clients have them, as have all of a pool
                options.capabilities |= capability::query_attributes;
            options.schema = "one";
            options.mariadb = (choice & 0x40) != 0;
            backend = std::make_unique<MysqlBackend>(std::move(options));
        }
        context.last_insert_id_used = (choice & 0x80) != 0;
    }

    void make_client(std::size_t i) {
        MysqlClient::Options options;
        options.context = &context;
        options.id = ++last_id;
        options.mode = static_cast<Multiplexing>(choice & 3);
        options.prepared_statements = 2;
        options.capabilities = capability::protocol_41 | capability::local_files | capability::multi_results;
        if (((choice >> (2 + i)) & 1) != 0)
            options.capabilities |= capability::deprecate_eof | capability::session_track;
        if (((choice >> (4 + i)) & 1) != 0)
            options.capabilities |= capability::query_attributes;
        options.greeted.mariadb = (choice & 0x40) != 0;
        options.startup = startup_state(context.states, i == 0 ? "one" : "two", i == 0 ? 0 : 45);
        clients[i] = std::make_unique<MysqlClient>(std::move(options));
    }

    // Who logs in anew has left a clean backend.
    void log_in_anew(std::size_t i) {
        if (auto* backend = leased(i)) {
            to_backend.clear();
            REKEY_ASSERT(backend->client_gone(*clients[i], false, to_backend));
            REKEY_ASSERT(to_backend.empty() && backend->safe_point());
            release(i);
        }
        unread[i].insert(0, clients[i]->take_ahead());
        make_client(i);
    }

    // Each client has its own backend; which of the two changes when it was released.
    MysqlBackend* leased(std::size_t client) { return linked[client] ? backends[home[client]].get() : nullptr; }
    void release(std::size_t client) {
        linked[client] = false;
        if (!linked[1 - client] && backends[0]->safe_point() && backends[1]->safe_point())
            std::swap(home[0], home[1]);
    }
    bool from_client(std::size_t i, std::string_view piece);
    bool from_backend(std::size_t i, std::string_view piece);

    unsigned char choice;
    std::uint64_t last_id = 0;
    ExchangeContext context;
    std::array<std::unique_ptr<MysqlClient>, 2> clients;
    std::array<std::unique_ptr<MysqlBackend>, 2> backends;
    std::array<std::size_t, 2> home{0, 1};
    std::array<bool, 2> linked{false, false};
    std::array<std::string, 2> unread, unread_backend;
    Output to_backend, to_client;
};

bool World::from_client(std::size_t i, std::string_view piece) {
    auto& in = unread[i];
    in += piece;
    auto& client = *clients[i];
    for (unsigned rounds = 0; rounds < 4; ++rounds) {
        to_backend.clear();
        to_client.clear();
        auto* backend = leased(i);
        if (backend != nullptr && !backend->attached())
            return true;
        auto turn = client.on_client(in, backend, to_backend, to_client);
        REKEY_ASSERT(turn.consumed <= in.size());
        REKEY_ASSERT(backend != nullptr || to_backend.empty());
        in.erase(0, turn.consumed);
        if (client.kill_request().id != 0)
            client.answer_kill(KillAnswer::unknown, to_client);
        if (client.login_wanted()) {
            log_in_anew(i);
            return true;
        }
        if (turn.want == ClientWant::violation || turn.want == ClientWant::terminate)
            return false;
        if (turn.want != ClientWant::backend)
            return true;
        REKEY_ASSERT(backend == nullptr);
        if (!backends[home[i]]->safe_point()) {
            in.erase(0, client.refuse_waiting(in, "53300", "none", to_client));
            return true;
        }
        to_backend.clear();
        linked[i] = true;
        backends[home[i]]->attach(client, to_backend);
    }
    return true;
}

bool World::from_backend(std::size_t i, std::string_view piece) {
    auto& in = unread_backend[home[i]];
    in += piece;
    auto& backend = *backends[home[i]];
    to_backend.clear();
    to_client.clear();
    auto* client = linked[i] ? clients[i].get() : nullptr;
    auto turn = backend.on_backend(in, client, to_client, to_backend);
    REKEY_ASSERT(turn.consumed <= in.size());
    REKEY_ASSERT(client != nullptr || to_client.empty());
    in.erase(0, turn.consumed);
    if (turn.broken) {
        if (client != nullptr)
            backend.lost(*client, "57P01", "lost", to_client);
        return false;
    }
    std::string sqlstate, message;
    if (client == nullptr)
        return true;
    if (client->login_wanted()) {
        log_in_anew(i);
        return true;
    }
    if (backend.attach_failed(sqlstate, message))
        release(i);
    else if (backend.attached() && backend.safe_point() &&
             backend.cycle_end(*client, to_backend) == CycleEnd::release) {
        REKEY_ASSERT(client->idle());
        release(i);
    }
    return true;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    World world(data[0]);
    // A byte says who speaks and how much; the rest is what is said.
    for (std::size_t pieces = 0; !input.empty() && pieces < pieces_max; ++pieces) {
        auto control = static_cast<unsigned char>(input.front());
        input.remove_prefix(1);
        auto piece = input.substr(0, control >> 2);
        input.remove_prefix(piece.size());
        std::size_t who = control >> 1 & 1;
        if (!((control & 1) != 0 ? world.from_client(who, piece) : world.from_backend(who, piece)))
            break;
    }
    for (std::size_t i = 0; i < 2; ++i) {
        world.to_backend.clear();
        if (auto* backend = world.leased(i))
            backend->client_gone(*world.clients[i], false, world.to_backend);
    }
    return 0;
}
