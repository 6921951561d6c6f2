// Hears of changes: keeps one request waiting at a server, on a thread of its own, because it waits for half a minute
// and more, and the threads that stores share are few.
#pragma once

#include "rotation/descriptor.hpp"
#include "rotation/nacos/session.hpp"
#include "rotation/source.hpp"

#include <functional>
#include <memory>
#include <string>

namespace rekey::rotation::nacos {

struct ListenerPatience {
    std::chrono::milliseconds hold{30000}; // how long a server lets the request wait
    std::chrono::milliseconds stale{1000}; // before asking again after a change that could not be read yet
    std::chrono::milliseconds retry{2000}; // after a failure; grows to thirty times this
};

// For the control thread.
class Listener {
  public:
    struct Events {
        std::function<void()> changed;
        // Once for a row of failures, and once when the server cannot be listened to at all.
        std::function<void(const std::string& error, bool for_good)> failed;
    };

    // `session` is used by its thread only. Environment and watcher outlive the listener, which does not wait for a
    // server that hangs at its end.
    Listener(std::unique_ptr<Session> session, const ListenerPatience& patience, Environment& environment,
             DescriptorWatcher& watcher, Events events);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    // What was read last; empty: it is not there. Listening begins with the first. After a change nothing is asked
    // until this tells that somebody has looked.
    void seen(const std::string& md5);

  private:
    struct State;
    static void run(State& state);
    void hear();

    Environment& environment_;
    DescriptorWatcher& watcher_;
    Events events_;
    std::shared_ptr<State> state_;
};

} // namespace rekey::rotation::nacos
