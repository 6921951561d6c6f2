#include "rotation/sources/path_watch.hpp"

#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

namespace rekey::rotation {

namespace {

constexpr std::chrono::milliseconds quiet_time{200};
constexpr std::chrono::milliseconds longest_delay{1000};
constexpr int longest_link_chain = 40; // as the kernel's
constexpr std::uint32_t events_of_interest =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF;
const std::set<std::string> names_in_directory = {"username", "password", "..data"};

void push_components(std::deque<std::string>& components, std::string_view path) {
    std::deque<std::string> parts;
    while (!path.empty()) {
        auto end = std::min(path.find('/'), path.size());
        if (end > 0 && path.substr(0, end) != ".")
            parts.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    components.insert(components.begin(), parts.begin(), parts.end());
}

std::string parent_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

std::string or_root(const std::string& path) {
    return path.empty() ? "/" : path;
}

} // namespace

WatchPlan plan_watches(const std::string& path) {
    WatchPlan plan;
    std::deque<std::string> components;
    push_components(components, path);
    std::string resolved; // without a slash at its end; the root is empty
    for (int links = 0; !components.empty();) {
        auto name = components.front();
        components.pop_front();
        if (name == "..") {
            resolved = parent_of(resolved);
            continue;
        }
        auto next = resolved + "/" + name;
        struct stat status{};
        bool exists = ::lstat(next.c_str(), &status) == 0;
        bool link = exists && S_ISLNK(status.st_mode);
        if (!exists || link || components.empty())
            plan[or_root(resolved)].insert(name);
        if (!exists)
            return plan;
        if (!link) {
            if (components.empty() && S_ISDIR(status.st_mode))
                plan[next].insert(names_in_directory.begin(), names_in_directory.end());
            resolved = next;
            continue;
        }
        char target[PATH_MAX];
        auto size = ::readlink(next.c_str(), target, sizeof target);
        if (size <= 0 || ++links > longest_link_chain)
            return plan;
        if (target[0] == '/')
            resolved.clear();
        push_components(components, std::string_view(target, static_cast<std::size_t>(size)));
    }
    return plan;
}

PathWatch::PathWatch(std::string path, Environment& environment, DescriptorWatcher& watcher,
                     std::function<void()> changed, const LogSink& log)
    : path_(std::move(path)), environment_(environment), watcher_(watcher), changed_(std::move(changed)),
      inotify_(std::make_shared<Descriptor>(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC))) {
    if (!*inotify_) {
        log(LogLevel::warn, "file: " + path_ + " is only polled: inotify: " + std::strerror(errno));
        return;
    }
    watcher_.watch(inotify_->get(), [this] { on_readable(); });
    arm();
}

PathWatch::~PathWatch() {
    if (*inotify_)
        watcher_.unwatch(inotify_->get());
    environment_.cancel(timer_);
}

void PathWatch::arm() {
    if (arming_ || !*inotify_)
        return;
    arming_ = true;
    auto armed = std::make_shared<Armed>();
    // A network file system that hangs must not hold the control thread.
    environment_.run_blocking([inotify = inotify_, path = path_, armed] { *armed = add_watches(inotify->get(), path); },
                              [alive = std::weak_ptr(alive_), this, armed] {
                                  if (!alive.expired())
                                      install(std::move(*armed));
                              });
}

PathWatch::Armed PathWatch::add_watches(int fd, const std::string& path) {
    Armed armed;
    for (auto& [directory, names] : plan_watches(path)) {
        int watch = ::inotify_add_watch(fd, directory.c_str(), events_of_interest | IN_ONLYDIR);
        // A directory that went away since the plan was made is found by the next poll.
        if (watch >= 0)
            armed[watch].insert(names.begin(), names.end()); // two paths may lead to one directory
    }
    return armed;
}

void PathWatch::install(Armed armed) {
    arming_ = false;
    bool something_new = false;
    for (const auto& [watch, names] : armed)
        something_new |= !armed_.contains(watch);
    for (const auto& [watch, names] : armed_)
        if (!armed.contains(watch))
            ::inotify_rm_watch(inotify_->get(), watch); // fails when the directory is gone, which is as good
    armed_ = std::move(armed);
    // What happened between the last look and the new watch went unnoticed.
    if (something_new)
        schedule();
}

void PathWatch::on_readable() {
    alignas(inotify_event) char buffer[4096];
    bool concerned = false;
    for (auto size = ::read(inotify_->get(), buffer, sizeof buffer); size > 0;
         size = ::read(inotify_->get(), buffer, sizeof buffer)) {
        for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
            inotify_event event;
            std::memcpy(&event, buffer + at, sizeof event);
            const char* name = buffer + at + sizeof event;
            concerned |= concerns_us(event.wd, event.mask, std::string_view(name, ::strnlen(name, event.len)));
            at += sizeof event + event.len;
        }
    }
    if (concerned)
        schedule();
}

bool PathWatch::concerns_us(int watch, std::uint32_t mask, std::string_view name) const {
    if ((mask & IN_Q_OVERFLOW) != 0)
        return true; // events were dropped: any of them might have been ours
    auto found = armed_.find(watch);
    if (found == armed_.end())
        return arming_ && (mask & IN_IGNORED) == 0; // perhaps one that is being added just now
    bool of_directory = (mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
    return of_directory || found->second.contains(std::string(name));
}

void PathWatch::schedule() {
    auto now = environment_.now();
    if (!first_event_)
        first_event_ = now;
    else
        environment_.cancel(timer_);
    auto when = std::min(now + quiet_time, *first_event_ + longest_delay);
    timer_ = environment_.call_at(when, [this] { fire(); });
}

void PathWatch::fire() {
    first_event_.reset();
    arm();
    changed_();
}

} // namespace rekey::rotation
