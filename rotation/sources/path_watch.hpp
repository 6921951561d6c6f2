// Tells when the content behind a path may have changed (inotify, see inotify(7)).
//
// A file is replaced by rename, rewritten in place, or hidden behind symbolic links that are swapped (Kubernetes'
// `..data`); a watch on its inode would go silent. So directories are watched, each for a few names: the parent of
// the path, the parents of the symbolic links on the way, the directory itself, and, when something is missing, the
// deepest directory there is. All of it is looked up again after every change. Network and some overlay file systems
// tell nothing: polling is the caller's.
#pragma once

#include "rotation/descriptor.hpp"
#include "rotation/source.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace rekey::rotation {

// Directories and the names of interest in each.
using WatchPlan = std::map<std::string, std::set<std::string>>;

// Follows the symbolic links of an absolute path as the kernel would. Blocking.
WatchPlan plan_watches(const std::string& path);

class PathWatch {
  public:
    // `changed` is called on the control thread, 200 ms after the last of some events (1 s at most after the first).
    PathWatch(std::string path, Environment& environment, DescriptorWatcher& watcher, std::function<void()> changed,
              const LogSink& log);
    PathWatch(const PathWatch&) = delete;
    PathWatch& operator=(const PathWatch&) = delete;
    ~PathWatch();

    // Looks the directories up again: finds what no event told, such as a parent that was renamed.
    void arm();

  private:
    using Armed = std::map<int, std::set<std::string>>; // by watch descriptor
    static Armed add_watches(int fd, const std::string& path);
    void install(Armed armed);
    void on_readable();
    bool concerns_us(int watch, std::uint32_t mask, std::string_view name) const;
    void schedule();
    void fire();

    std::string path_;
    Environment& environment_;
    DescriptorWatcher& watcher_;
    std::function<void()> changed_;
    std::shared_ptr<const Descriptor> inotify_; // shared with the worker; expires with the last of them
    std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
    Armed armed_;
    bool arming_ = false;
    std::optional<Clock::time_point> first_event_;
    std::uint64_t timer_ = 0;
};

} // namespace rekey::rotation
