#include "rotation/nacos/listener.hpp"

#include "protocol/common/assert.hpp"
#include "rotation/refresh_schedule.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace rekey::rotation::nacos {

struct Listener::State {
    State(std::unique_ptr<Session> its_session, const ListenerPatience& its_patience)
        : session(std::move(its_session)), patience(its_patience), event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        REKEY_ASSERT(event);
    }

    void tell() { // the control thread
        const std::uint64_t one = 1;
        [[maybe_unused]] auto written = ::write(event.get(), &one, sizeof one); // full is as good as told
    }

    std::unique_ptr<Session> session; // the thread's, but for cancel()
    const ListenerPatience patience;
    Descriptor event; // readable: something below wants to be told
    std::mutex mutex;
    std::condition_variable news;
    // With the mutex held:
    bool ended = false;
    std::optional<std::string> md5; // what was read last
    bool waits = false;             // for somebody to look at a change
    bool stale = false;             // who looked found what was there before
    bool changed = false, for_good = false;
    std::string error; // to be told
    std::jthread thread;
};

namespace {

Moment moment() {
    return {Clock::now(), std::chrono::system_clock::now()};
}

} // namespace

Listener::Listener(std::unique_ptr<Session> session, const ListenerPatience& patience, Environment& environment,
                   DescriptorWatcher& watcher, Events events)
    : environment_(environment), watcher_(watcher), events_(std::move(events)),
      state_(std::make_shared<State>(std::move(session), patience)) {
    watcher_.watch(state_->event.get(), [this] { hear(); });
    state_->thread = std::jthread([state = state_.get()] { run(*state); });
}

Listener::~Listener() {
    watcher_.unwatch(state_->event.get());
    {
        std::lock_guard lock(state_->mutex);
        state_->ended = true;
    }
    state_->news.notify_all();
    state_->session->cancel();
    // The thread is joined where others wait for stores: a resolver cannot be interrupted.
    environment_.run_remote([state = std::exchange(state_, nullptr)] { state->thread.join(); }, [] {});
}

void Listener::seen(const std::string& md5) {
    {
        std::lock_guard lock(state_->mutex);
        state_->stale = std::exchange(state_->waits, false) && state_->md5 == md5;
        state_->md5 = md5;
    }
    state_->news.notify_all();
}

void Listener::hear() {
    std::uint64_t count = 0;
    [[maybe_unused]] auto got = ::read(state_->event.get(), &count, sizeof count);
    bool changed = false, for_good = false;
    std::string error;
    {
        std::lock_guard lock(state_->mutex);
        changed = std::exchange(state_->changed, false);
        for_good = state_->for_good;
        error.swap(state_->error);
    }
    if (!error.empty())
        events_.failed(error, for_good);
    if (changed)
        events_.changed(); // last: it may end us
}

void Listener::run(State& state) {
    std::minstd_rand random(std::random_device{}());
    BackOff retry(state.patience.retry, 30 * state.patience.retry);
    for (bool failing = false;;) {
        std::unique_lock lock(state.mutex);
        state.news.wait(lock, [&] { return state.ended || (state.md5 && !state.waits); });
        const auto md5 = state.md5.value_or("");
        const bool stale = std::exchange(state.stale, false), ended = state.ended;
        lock.unlock();
        if (ended)
            return;
        if (stale)
            state.session->pause(state.patience.stale);
        const auto asked = Clock::now();
        auto listening = state.session->listen(md5, state.patience.hold, moment());
        const bool failed = !listening.error.empty();
        lock.lock();
        if (state.ended)
            return;
        state.for_good = listening.heard == Listening::Heard::unsupported;
        if (failed && !failing)
            state.error = listening.error;
        // Somebody may have looked meanwhile: then it is asked again, and answered at once if it is still news.
        state.changed = state.waits = listening.heard == Listening::Heard::changed && state.md5 == md5;
        if (state.changed || !state.error.empty())
            state.tell();
        lock.unlock();
        if (listening.heard == Listening::Heard::unsupported)
            return;
        failing = failed;
        if (failed)
            state.session->pause(std::chrono::ceil<std::chrono::milliseconds>(retry.next(random())));
        else
            retry.reset();
        // Something between us and the server that answers at once is not to be asked all the time.
        if (listening.heard == Listening::Heard::nothing && Clock::now() - asked < state.patience.stale)
            state.session->pause(state.patience.stale);
    }
}

} // namespace rekey::rotation::nacos
