// What MySQL's servers say of themselves, kept over a restart: clients are greeted with it before a server is reached.
#include "proxy/application.hpp"

#include <algorithm>
#include <utility>

namespace rekey::proxy {

using rotation::LogLevel;

namespace {
constexpr auto stored_name = "mysql-servers";
} // namespace

// Without it clients are greeted as by a server that nobody knows, which is no reason not to start.
void Application::recall_servers() {
    std::optional<protocol::Secret> stored;
    if (!note_store(stored_name, store_->read_value(stored_name, stored)) || !stored)
        return;
    mysql_servers_ = mysql_servers_of(stored->reveal()).value_or(MysqlServerMap{});
}

void Application::server_learnt(const std::string& upstream, const MysqlServer& server) {
    mysql_servers_.insert_or_assign(upstream, server);
    std::erase_if(mysql_servers_, [this](const auto& entry) { return config_->find_upstream(entry.first) == nullptr; });
    auto bytes = to_bytes(mysql_servers_);
    note_store(stored_name, store_->write_value(stored_name, protocol::Secret::take(bytes)));
    look_for_mixed_listeners();
}

// Told once each, when it is found out.
void Application::look_for_mixed_listeners() {
    auto before = std::exchange(mixed_listeners_, mixed_listeners(*config_, mysql_servers_));
    for (const auto& sentence : mixed_listeners_) {
        if (std::ranges::find(before, sentence) == before.end())
            say(LogLevel::error, "event=mixed_listener " + sentence);
    }
}

bool Application::note_store(const char* name, rotation::StoreError error) const {
    if (error == rotation::StoreError::none)
        return true;
    say(LogLevel::warn, "event=store_error name=" + std::string(name) + " result=" + std::string(to_string(error)) +
                            " reason=\"" + store_->message() + "\"");
    return false;
}

} // namespace rekey::proxy
