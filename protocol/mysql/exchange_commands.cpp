// MysqlClient: commands without a text of SQL.
#include "protocol/mysql/exchange.hpp"

#include "protocol/mysql/exchange_errors.hpp"

#include <utility>

namespace rekey::protocol::mysql {

namespace {
constexpr std::uint32_t change_user_size_max = 128 * 1024; // connection attributes may have 64 KiB
} // namespace

MysqlClient::Outcome MysqlClient::on_simple(PacketHeader header, Request request, Turn& turn) {
    if (!whole(header, turn)) {
        if (header.size > context_.message_collect)
            return refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
        return Outcome::incomplete;
    }
    if (turn.backend == nullptr)
        return Outcome::want_backend;
    begin_command();
    turn.backend->expected_.push({.request = request});
    forward_message(header, turn);
    return Outcome::done;
}

MysqlClient::Outcome MysqlClient::on_init_db(PacketHeader header, Turn& turn) {
    auto outcome = on_simple(header, Request::ok, turn);
    if (outcome == Outcome::done && asked_)
        schema_ = turn.rest.substr(packet_header_size + 1, header.size - 1);
    return outcome;
}

// Without a backend nothing need be asked: the session is as alive as Rekey is.
MysqlClient::Outcome MysqlClient::on_ping(PacketHeader header, Turn& turn) {
    if (turn.backend != nullptr || header.size != 1)
        return on_simple(header, Request::ok, turn);
    std::string packet;
    Ok ok;
    ok.status = last_.status;
    write_ok(packet, 1, capabilities_, ok);
    turn.to_client->inject(packet);
    turn.used = packet_header_size + header.size;
    return Outcome::done;
}

MysqlClient::Outcome MysqlClient::on_set_option(PacketHeader header, Turn& turn) {
    if (whole(header, turn) && header.size != 3)
        return refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
    auto outcome = on_simple(header, Request::ok, turn);
    if (outcome == Outcome::done && asked_) {
        multi_statements_ = load_le16(turn.rest.data() + packet_header_size + 1) == 0;
        turn.backend->multi_statements_ = multi_statements_;
    }
    return outcome;
}

MysqlClient::Outcome MysqlClient::on_reset_connection(PacketHeader header, Turn& turn) {
    if (!whole(header, turn))
        return Outcome::incomplete;
    if (turn.backend != nullptr) {
        auto outcome = on_simple(header, Request::ok, turn);
        // The reply to it ends what the session held.
        if (outcome == Outcome::done && asked_)
            turn.backend->expected_.front().resets = true;
        return outcome;
    }
    reset_session();
    std::string packet;
    write_ok(packet, 1, capabilities_, {});
    turn.to_client->inject(packet);
    turn.used = packet_header_size + header.size;
    return Outcome::done;
}

MysqlClient::Outcome MysqlClient::on_process_kill(PacketHeader header, Turn& turn) {
    if (!whole(header, turn))
        return header.size <= context_.message_collect
                   ? Outcome::incomplete
                   : refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
    if (header.size != 5)
        return refuse(header, error::malformed, "HY000", "Malformed communication packet", turn);
    kill_ = {load_le32(turn.rest.data() + packet_header_size + 1), false};
    turn.used = packet_header_size + header.size;
    if (kill_.id == 0)
        answer_kill(KillAnswer::unknown, *turn.to_client);
    return Outcome::done;
}

// Another login on this connection, which is not ours to carry out. As on a server the session ends before it and
// whatever comes of it: who is told of its success finds every lock and table of the old session gone.
MysqlClient::Outcome MysqlClient::on_change_user(PacketHeader header, Turn& turn) {
    if (header.size > change_user_size_max)
        return refuse(header, error::packet_too_large, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes",
                      turn);
    if (!whole(header, turn))
        return Outcome::incomplete;
    asked_ = true;
    if (turn.backend != nullptr && !leaving_) {
        leaving_ = true;
        turn.backend->ask(Own::reset, Command::reset_connection, {}, *turn.to_backend);
        return Outcome::busy;
    }
    pins_ = 0; // it is another session whose mode may hold a backend
    login_ = std::make_unique<Secret>(turn.rest.substr(packet_header_size + 1, header.size - 1));
    turn.used = packet_header_size + header.size;
    return Outcome::busy;
}

void MysqlClient::answer_kill(KillAnswer answer, Output& to_client) {
    auto id = std::to_string(std::exchange(kill_, {}).id);
    std::string packet;
    Ok ok;
    ok.status = last_.status;
    switch (answer) {
    case KillAnswer::done:
        write_ok(packet, 1, capabilities_, ok);
        break;
    case KillAnswer::unknown:
        write_err(packet, 1, {error::unknown_thread, "HY000", "Unknown thread id: " + id});
        break;
    case KillAnswer::not_owner:
        write_err(packet, 1, {error::not_owner, "HY000", "You are not owner of thread " + id});
        break;
    }
    to_client.inject(packet);
}

} // namespace rekey::protocol::mysql
