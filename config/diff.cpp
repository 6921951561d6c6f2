#include "config/diff.hpp"

#include "config/options.hpp"

#include <algorithm>
#include <map>

namespace rekey::config {

namespace {

using Settings = std::map<std::string_view, const Setting*>;

Settings by_path(const Config& config) {
    Settings settings;
    for (const auto& setting : config.settings)
        settings.emplace(setting.path, &setting);
    return settings;
}

// The entry of a list that a setting belongs to; both parts empty outside lists.
struct Owner {
    std::string_view list, name;
};

Owner owner_of(const Setting& setting) {
    std::string_view path = setting.path, option = setting.option->path;
    auto mark = option.find("[]");
    if (mark == std::string_view::npos)
        return {};
    auto inner = option.find("[]", mark + 2);
    if (inner != std::string_view::npos) { // a list in a list, whose entries' names may be of any length
        auto between = option.substr(mark + 1, inner - mark);
        return {option.substr(0, mark), path.substr(mark + 1, path.find(between, mark + 1) - mark - 1)};
    }
    auto behind = option.size() - mark - 1; // the closing bracket and what follows it
    return {option.substr(0, mark), path.substr(mark + 1, path.size() - mark - 1 - behind)};
}

std::string shown(const Setting* setting) {
    return setting == nullptr || setting->value.empty() ? "(none)" : setting->value;
}

std::string sentence(const Setting* before, const Setting* after) {
    const auto& path = (after != nullptr ? after : before)->path;
    if (shown(before) == shown(after))
        return path + ": its content changed";
    return path + ": " + shown(before) + " becomes " + shown(after);
}

class Comparison {
  public:
    Comparison(const Config& old, const Config& now) : old_(old), now_(now) {}

    Diff run() {
        compare_lists("listeners", old_.listeners, now_.listeners, diff_.listeners);
        compare_lists("users", old_.users, now_.users, diff_.users);
        compare_lists("credentials", old_.credentials, now_.credentials, diff_.credentials);
        compare_lists("upstreams", old_.upstreams, now_.upstreams, diff_.upstreams);
        compare_settings();
        if (diff_.routes)
            diff_.changes.push_back("routes: changed");
        return std::move(diff_);
    }

  private:
    template <class List>
    void compare_lists(std::string_view key, const List& before, const List& after, ListChange& change) {
        auto missing_from = [](const List& list, const std::string& name) {
            return std::none_of(list.begin(), list.end(), [&](const auto& entry) { return entry.name == name; });
        };
        for (const auto& entry : after)
            if (missing_from(before, entry.name))
                come_or_gone(key, entry.name, "added", change.added);
        for (const auto& entry : before)
            if (missing_from(after, entry.name))
                come_or_gone(key, entry.name, "removed", change.removed);
        lists_.emplace(key, &change);
    }

    void come_or_gone(std::string_view key, const std::string& name, const char* what,
                      std::vector<std::string>& names) {
        names.push_back(name);
        auto path = std::string(key) + "[" + name + "]";
        if (find_option(key)->apply == Apply::restart)
            diff_.restart.push_back(path + " needs a restart");
        else
            diff_.changes.push_back(path + ": " + what);
    }

    void compare_settings() {
        auto before = by_path(old_), after = by_path(now_);
        for (const auto& setting : old_.settings)
            if (!after.contains(setting.path))
                changed(&setting, nullptr);
        for (const auto& setting : now_.settings) {
            auto known = before.find(setting.path);
            if (known == before.end())
                changed(nullptr, &setting);
            else if (known->second->fingerprint != setting.fingerprint)
                changed(known->second, &setting);
        }
    }

    void changed(const Setting* before, const Setting* after) {
        const auto& setting = *(after != nullptr ? after : before);
        auto owner = owner_of(setting);
        auto top = setting.option->path.substr(0, setting.option->path.find_first_of(".["));
        if (top == "routes") {
            diff_.routes = true;
            return;
        }
        if (auto list = lists_.find(owner.list); list != lists_.end() && !note_entry(*list->second, owner.name))
            return;
        diff_.limits |= top == "limits";
        diff_.log |= top == "log";
        if (setting.option->apply == Apply::restart)
            diff_.restart.push_back(setting.path + " needs a restart");
        else
            diff_.changes.push_back(sentence(before, after));
    }

    // False if the whole entry came or went, which is said already.
    static bool note_entry(ListChange& change, std::string_view name) {
        auto holds = [&](const std::vector<std::string>& names) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        if (holds(change.added) || holds(change.removed))
            return false;
        if (!holds(change.changed))
            change.changed.emplace_back(name);
        return true;
    }

    const Config& old_;
    const Config& now_;
    Diff diff_;
    std::map<std::string_view, ListChange*> lists_;
};

} // namespace

Diff diff(const Config& old, const Config& now) {
    return Comparison(old, now).run();
}

namespace {

Login clone(const Login& login) {
    return {login.username, login.password.clone(), login.credential};
}

void keep_source(const Source& running, Source& next) {
    auto initial = running.type == next.type ? std::move(next.initial) : clone(running.initial);
    next.type = running.type;
    next.path = running.path;
    next.format = running.format;
    next.user = running.user;
    next.username_variable = running.username_variable;
    next.password_variable = running.password_variable;
    next.command = running.command;
    next.environment = running.environment;
    next.timeout = running.timeout;
    next.strict_permissions = running.strict_permissions;
    next.initial = std::move(initial);
    next.vault = running.vault;
    next.aws = running.aws;
    next.nacos = running.nacos;
    next.kms = running.kms;
    next.gcp = running.gcp;
    next.azure = running.azure;
    next.http = running.http;
}

// A rotation that comes, goes or changes its strategy waits as a whole.
void keep_rotation(const Credential& running, Credential& next) {
    bool same = running.rotation && next.rotation && running.rotation->strategy == next.rotation->strategy &&
                running.rotation->users == next.rotation->users;
    if (same || (!running.rotation && !next.rotation))
        return;
    next.rotation.reset();
    next.role = running.role;
    if (!running.rotation)
        return;
    const auto& from = *running.rotation;
    auto& to = next.rotation.emplace();
    to.strategy = from.strategy;
    to.users = from.users;
    to.overlap = from.overlap;
    to.every = from.every;
    to.window = from.window;
    if (from.admin)
        to.admin = clone(*from.admin);
}

// TLS is taken over; the socket stays, and so does one that is no longer in the file.
void keep_listeners(const Config& running, Config& next) {
    auto listeners = running.listeners;
    for (auto& listener : listeners)
        if (auto now = next.find_listener(listener.name))
            listener.tls = now->tls;
    next.listeners = std::move(listeners);
}

bool has_entry(const Config& config, const Owner& owner) {
    if (owner.list == "listeners")
        return config.find_listener(owner.name) != nullptr;
    if (owner.list == "users")
        return config.find_user(owner.name) != nullptr;
    if (owner.list == "credentials")
        return config.find_credential(owner.name) != nullptr;
    if (owner.list == "upstreams")
        return config.find_upstream(owner.name) != nullptr;
    return true; // no list, or one whose entries have no names
}

void keep_settings(const Config& running, Config& next) {
    auto waits = [&](const Setting& setting) {
        auto owner = owner_of(setting);
        bool stays = has_entry(running, owner) && has_entry(next, owner);
        return (stays ? setting.option : find_option(owner.list))->apply == Apply::restart;
    };
    std::vector<Setting> kept;
    for (const auto& setting : next.settings)
        if (!waits(setting))
            kept.push_back(setting);
    for (const auto& setting : running.settings)
        if (waits(setting))
            kept.push_back(setting);
    next.settings = std::move(kept);
}

} // namespace

void keep_until_restart(const Config& running, Config& next) {
    keep_settings(running, next); // before the entries are exchanged
    next.workers = running.workers;
    keep_listeners(running, next);
    for (auto& credential : next.credentials) {
        auto now = running.find_credential(credential.name);
        if (now == nullptr)
            continue;
        keep_source(now->source, credential.source);
        keep_rotation(*now, credential);
    }
    next.store = {running.store.path, running.store.key.clone()};
    next.admin = {running.admin.address, running.admin.console, running.admin.token.clone(), running.admin.token_path};
    next.audit_path = running.audit_path;
    next.log_format = running.log_format;
}

} // namespace rekey::config
