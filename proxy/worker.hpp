// One worker thread: its event loop, the client sessions and the upstreams that are at home on it, and the memory it
// lends them. Everything below it belongs to this thread alone; other threads reach it by post().
#pragma once

#include "config/config.hpp"
#include "proxy/data_plane.hpp"
#include "proxy/dialect.hpp"
#include "proxy/mysql_servers.hpp"
#include "proxy/net/blocking_pool.hpp"
#include "proxy/net/event_loop.hpp"
#include "proxy/net/tls.hpp"
#include "proxy/snapshot.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace rekey::proxy {

class Worker;
class Upstream;
class ClientSession;
class Listener;

// What a configuration comes to at run time; immutable, one per (re)load.
struct Runtime {
    config::ConfigPtr config;
    std::map<std::string, net::TlsContext> listener_tls, upstream_tls; // null: none
    std::map<std::string, std::size_t> homes;                          // upstream → worker
};
using RuntimePtr = std::shared_ptr<const Runtime>;

// Of the whole process. Constant but for what says so itself.
struct Shared {
    DataPlaneOptions options;
    std::vector<std::unique_ptr<Worker>> workers;
    MysqlServers mysql_servers; // its own lock
    std::atomic<std::uint32_t> client_connections{0};
    std::atomic<std::uint64_t> next_client_id{1};
    std::atomic<std::uint64_t> next_backend_id{1};

    // Logged-in sessions per local user, for max_connections. Touched at login and at the end of a session.
    bool count_user(const std::string& user, std::uint32_t limit);
    void uncount_user(const std::string& user);

    // Failed logins of late, per peer and user: how long the next failure is held back.
    std::chrono::milliseconds failure_delay(const std::string& who, net::Clock::time_point now);

    std::unique_ptr<net::BlockingPool> blocking;

  private:
    std::mutex mutex_;
    std::map<std::string, std::uint32_t> user_sessions_;
    struct Failures {
        unsigned count = 0;
        net::Clock::time_point last;
    };
    std::unordered_map<std::string, Failures> failures_;
};

using Counts = std::map<std::string, std::uint64_t, std::less<>>;
inline void count(Counts& counts, std::string_view label) {
    if (auto it = counts.find(label); it != counts.end())
        ++it->second;
    else
        counts.emplace(label, 1);
}

struct Counters {
    Counts client_errors, closes, replacements, limits_hit, throttled;
    std::uint64_t transactions = 0, bytes_from_clients = 0, bytes_to_clients = 0;
    std::uint64_t auth_retries_saved = 0, logins_refused = 0, logins = 0, cancels = 0;
    WaitHistogram acquire_wait;
    void waited(double seconds);
};

class Worker {
  public:
    // The low bits of a process id that Rekey gives out tell the worker.
    static constexpr std::uint32_t index_bits = 6;
    static constexpr std::size_t workers_max = 1u << index_bits;
    static constexpr std::size_t scratch_size = 64 * 1024;

    Worker(Shared& shared, std::size_t index, RuntimePtr runtime);
    ~Worker();

    void start();
    void join();
    void post(std::function<void()> task) { loop_.post(std::move(task)); }
    template <class F> void to_control(F&& task) { shared_.options.control(std::forward<F>(task)); }

    // On the worker's thread.
    net::EventLoop& loop() { return loop_; }
    Shared& shared() { return shared_; }
    std::size_t index() const { return index_; }
    const Runtime& runtime() const { return *runtime_; }
    const config::Config& config() const { return *runtime_->config; }
    Dialect& dialect(config::Protocol protocol);
    Counters& counters() { return counters_; }
    std::span<char> scratch() { return scratch_; }
    protocol::Output& to_client() { return to_client_; }
    protocol::Output& to_backend() { return to_backend_; }
    std::uint64_t random(std::uint64_t bound) { return random_() % bound; }
    void log(rotation::LogLevel level, const std::string& text) const { shared_.options.log(level, text); }

    Upstream* find_upstream(const std::string& name);
    void add_session(ClientSession* session);
    void remove_session(ClientSession* session);
    std::uint32_t new_process_id(ClientSession* session);
    void forget_process_id(std::uint32_t process_id);
    // For a session that has moved here; and on the worker it moved from. The worker that gave the id out knows where
    // it is, the others ask there.
    void take_process_id(std::uint32_t process_id, ClientSession* session);
    void process_id_moved(std::uint32_t process_id, std::size_t worker);
    void cancel(const CancelKey& key); // any process id; passed on to its worker
    // A session, or its statement, is to end because another one of the same user says so. The asker is answered by
    // kill_answered() in a later turn.
    struct Kill {
        std::uint32_t process_id = 0;
        bool query_only = false; // what it is doing, not the session
        std::string user;
        std::size_t asker_worker = 0;
        std::uint64_t asker_session = 0;
    };
    void kill(Kill kill);

    void apply(RuntimePtr runtime, std::vector<std::string>& changes);
    Snapshot snapshot();
    void drain(); // ends what is idle, the rest at its transaction's end
    bool drained() const { return sessions_.empty(); }
    void shut(); // closes everything and ends the thread
    std::vector<std::unique_ptr<Listener>>& listeners() { return listeners_; }
    bool draining() const { return draining_; }

  private:
    void tick();

    Shared& shared_;
    std::size_t index_;
    RuntimePtr runtime_;
    net::EventLoop loop_;
    std::thread thread_;
    std::unique_ptr<Dialect> postgres_, mysql_;
    Counters counters_;
    std::vector<char> scratch_;
    protocol::Output to_client_, to_backend_;
    std::mt19937_64 random_;
    std::unordered_map<std::uint64_t, ClientSession*> sessions_;
    std::unordered_map<std::uint32_t, ClientSession*> process_ids_;
    std::unordered_map<std::uint32_t, std::size_t> moved_process_ids_; // to which worker
    std::uint32_t next_process_ = 1;
    std::map<std::string, std::unique_ptr<Upstream>> upstreams_;
    std::vector<std::unique_ptr<Upstream>> retired_upstreams_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    bool draining_ = false;
    unsigned ticks_ = 0;
};

} // namespace rekey::proxy
