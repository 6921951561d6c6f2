#include "proxy/data_plane.hpp"

#include "proxy/net/listener.hpp"
#include "proxy/pool/upstream.hpp"
#include "proxy/worker.hpp"

#include <algorithm>
#include <stdexcept>

namespace rekey::proxy {

namespace {

constexpr std::chrono::milliseconds drain_check_every{50};

// The home of an upstream stays what it was over reloads.
RuntimePtr make_runtime(const config::ConfigPtr& config, const std::string& pem, std::size_t workers,
                        const Runtime* before) {
    auto runtime = std::make_shared<Runtime>();
    runtime->config = config;
    for (const auto& listener : config->listeners)
        runtime->listener_tls.emplace(listener.name, net::make_listener_context(listener.tls, pem));
    std::size_t next = before != nullptr ? before->homes.size() : 0;
    for (const auto& upstream : config->upstreams) {
        auto mode = upstream.tls.mode.value_or(config::UpstreamTls::prefer);
        if (!upstream.tls.mode) {
            bool remote = upstream.hosts_from_credential ||
                          std::any_of(upstream.hosts.begin(), upstream.hosts.end(),
                                      [](const config::Address& host) { return !host.is_loopback(); });
            mode = remote ? config::UpstreamTls::verify_full : config::UpstreamTls::prefer;
        }
        runtime->upstream_tls.emplace(upstream.name, net::make_upstream_context(upstream.tls.ca, mode));
        auto known = before != nullptr ? before->homes.find(upstream.name)
                                       : std::map<std::string, std::size_t>::const_iterator{};
        runtime->homes[upstream.name] =
            before != nullptr && known != before->homes.end() ? known->second : next++ % workers;
    }
    return runtime;
}

bool same_host(const config::Address& a, const config::Address& b) { // names of hosts know no case (RFC 4343)
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    return a.port == b.port && std::equal(a.host.begin(), a.host.end(), b.host.begin(), b.host.end(),
                                          [&](char x, char y) { return lower(x) == lower(y); });
}

// Why a secret that says this of its database cannot be this upstream's; empty: it can.
std::string objection_to(const rotation::Endpoint& endpoint, const config::Upstream& upstream) {
    if (upstream.hosts_from_credential)
        return endpoint ? std::string()
                        : "its secret names no host; upstream " + upstream.name + " has `hosts: from_credential`";
    for (const auto& host : endpoint.hosts) {
        bool listed = std::any_of(upstream.hosts.begin(), upstream.hosts.end(),
                                  [&](const config::Address& own) { return same_host(own, host); });
        if (!listed)
            return "its secret names the host " + host.text() + ", which is none of upstream " + upstream.name +
                   "'s; list it there, or set hosts: from_credential";
    }
    return {};
}

class WorkerPlane final : public DataPlane {
  public:
    explicit WorkerPlane(DataPlaneOptions options) {
        shared_.options = std::move(options);
        shared_.mysql_servers.begin(shared_.options.mysql_servers,
                                    [this](const std::string& upstream, const MysqlServer& server) {
                                        shared_.options.control([this, upstream, server] {
                                            if (shared_.options.server_learnt)
                                                shared_.options.server_learnt(upstream, server);
                                        });
                                    });
        shared_.blocking = std::make_unique<net::BlockingPool>(2);
        auto count = std::clamp<std::size_t>(shared_.options.config->workers, 1, Worker::workers_max);
        runtime_ = make_runtime(shared_.options.config, shared_.options.self_signed_certificate, count, nullptr);
        for (std::size_t i = 0; i < count; ++i)
            shared_.workers.push_back(std::make_unique<Worker>(shared_, i, runtime_));
    }
    ~WorkerPlane() override { stop(); }

    void start() override {
        std::size_t next = 0;
        for (const auto& listener : runtime_->config->listeners) {
            if (listener.protocol == config::Protocol::mysql)
                shared_.mysql_servers.password_key(); // now, not while clients wait
            auto opened = std::make_unique<Listener>(listener);
            ports_[listener.name] = opened->port();
            shared_.workers[next++ % shared_.workers.size()]->listeners().push_back(std::move(opened));
        }
        for (auto& worker : shared_.workers)
            worker->start();
        running_ = true;
    }

    void apply(config::ConfigPtr config, std::function<void(std::vector<std::string>)> done) override {
        runtime_ =
            make_runtime(config, shared_.options.self_signed_certificate, shared_.workers.size(), runtime_.get());
        each_worker<std::vector<std::string>>(
            [runtime = runtime_](Worker& worker) {
                std::vector<std::string> changes;
                worker.apply(runtime, changes);
                return changes;
            },
            [](std::vector<std::string>& all, std::vector<std::string>&& part) {
                all.insert(all.end(), part.begin(), part.end());
            },
            [this, done = std::move(done)](std::vector<std::string> changes) {
                for (const auto& [name, credential] : published_)
                    send(credential);
                done(std::move(changes));
            });
    }

    void snapshot(std::function<void(Snapshot)> done) override {
        each_worker<Snapshot>([](Worker& worker) { return worker.snapshot(); },
                              [](Snapshot& all, Snapshot&& part) { all.merge(std::move(part)); }, std::move(done));
    }

    void shutdown(rotation::Clock::duration timeout, std::function<void()> done) override {
        auto deadline = rotation::Clock::now() + timeout;
        for (auto& worker : shared_.workers)
            worker->post([w = worker.get()] { w->drain(); });
        wait_drained(deadline, std::move(done));
    }

    void stop() override {
        if (!std::exchange(running_, false))
            return;
        for (auto& worker : shared_.workers)
            worker->post([w = worker.get()] { w->shut(); });
        for (auto& worker : shared_.workers)
            worker->join();
        shared_.blocking.reset();
    }

    std::uint16_t port_of(const std::string& listener) const override {
        auto it = ports_.find(listener);
        return it == ports_.end() ? std::uint16_t{0} : it->second;
    }

    void probe(rotation::CredentialPtr credential, bool keep,
               std::function<void(rotation::ProbeReport)> done) override {
        for (const auto& upstream : runtime_->config->upstreams) {
            rotation::ProbeReport report;
            report.objection =
                upstream.credential == credential->name ? objection_to(credential->endpoint, upstream) : std::string();
            if (!report.objection.empty())
                return shared_.options.control([done = std::move(done), report] { done(report); });
        }
        each_upstream<std::vector<rotation::HostResult>>(
            credential->name,
            [credential, keep](Upstream& upstream, auto reply) { upstream.probe(credential, keep, std::move(reply)); },
            [done = std::move(done)](std::vector<std::vector<rotation::HostResult>> results) {
                rotation::ProbeReport report;
                for (auto& hosts : results)
                    report.hosts.insert(report.hosts.end(), hosts.begin(), hosts.end());
                done(std::move(report));
            });
    }

    void run(const std::string& credential_name, rotation::CredentialPtr login, std::vector<std::string> statements,
             std::function<void(rotation::StatementResult)> done) override {
        for (const auto& upstream : runtime_->config->upstreams) {
            if (upstream.credential != credential_name)
                continue;
            auto& worker = home_of(upstream.name);
            worker.post([this, &worker, name = upstream.name, login = std::move(login),
                         statements = std::move(statements), done = std::move(done)]() mutable {
                auto reply = [this, done = std::move(done)](rotation::StatementResult result) {
                    shared_.options.control([done, result = std::move(result)] { done(result); });
                };
                if (auto* found = worker.find_upstream(name))
                    found->run_statements(std::move(login), std::move(statements), std::move(reply));
                else
                    reply({});
            });
            return;
        }
        rotation::StatementResult nowhere;
        nowhere.reason = "no upstream uses the credential";
        shared_.options.control([done = std::move(done), nowhere] { done(nowhere); });
    }

    void publish(rotation::CredentialPtr credential) override {
        published_[credential->name] = credential;
        send(credential);
    }

    void replace(const std::string& credential_name, const rotation::ReplaceOptions& options,
                 std::function<void(rotation::ReplaceProgress)> progress) override {
        // The sum over all upstreams of the credential.
        struct Sum {
            std::map<std::string, rotation::ReplaceProgress> parts;
            std::size_t expected = 0;
            std::uint64_t serial = 0;
        };
        auto sum = std::make_shared<Sum>();
        auto serial = sum->serial = ++replace_serials_[credential_name];
        for (const auto& upstream : runtime_->config->upstreams)
            sum->expected += upstream.credential == credential_name ? 1 : 0;
        if (sum->expected == 0) {
            shared_.options.control([progress = std::move(progress)] { progress({}); });
            return;
        }
        auto report = [this, sum, serial, credential_name,
                       progress = std::move(progress)](const std::string& name, const rotation::ReplaceProgress& part) {
            if (replace_serials_[credential_name] != serial)
                return; // superseded
            sum->parts[name] = part;
            if (sum->parts.size() < sum->expected)
                return;
            rotation::ReplaceProgress all;
            for (const auto& [upstream, p] : sum->parts) {
                all.replaced += p.replaced;
                all.old_left += p.old_left;
                all.pinned_left += p.pinned_left;
                all.fresh += p.fresh;
            }
            progress(all);
        };
        for_upstreams(credential_name, [this, options, report](Upstream& upstream) {
            upstream.replace(
                options, [this, report, name = upstream.configuration().name](const rotation::ReplaceProgress& part) {
                    shared_.options.control([report, name, part] { report(name, part); });
                });
        });
    }

    void pause_logins(const std::string& credential_name) override {
        for_upstreams(credential_name, [](Upstream& upstream) { upstream.pause_logins(true); });
    }
    void resume_logins(const std::string& credential_name) override {
        for_upstreams(credential_name, [](Upstream& upstream) { upstream.pause_logins(false); });
    }
    void withdraw(const std::string& credential_name, rotation::Clock::time_point deadline) override {
        for_upstreams(credential_name, [deadline](Upstream& upstream) { upstream.withdraw(deadline); });
    }

  private:
    Worker& home_of(const std::string& upstream) { return *shared_.workers[runtime_->homes.at(upstream)]; }

    void send(const rotation::CredentialPtr& credential) {
        for_upstreams(credential->name, [credential](Upstream& upstream) {
            if (upstream.credential() != credential)
                upstream.publish(credential);
        });
    }

    // Runs on the home worker of every upstream that uses the credential.
    void for_upstreams(const std::string& credential_name, std::function<void(Upstream&)> task) {
        for (const auto& upstream : runtime_->config->upstreams) {
            if (upstream.credential != credential_name)
                continue;
            auto& worker = home_of(upstream.name);
            worker.post([&worker, name = upstream.name, task] {
                if (auto* found = worker.find_upstream(name))
                    task(*found);
            });
        }
    }

    // One asynchronous reply per upstream, gathered on the control thread.
    template <class Reply, class Task, class Done>
    void each_upstream(const std::string& credential_name, Task task, Done done) {
        struct Gather {
            std::vector<Reply> replies;
            std::size_t left = 0;
        };
        auto gather = std::make_shared<Gather>();
        for (const auto& upstream : runtime_->config->upstreams)
            gather->left += upstream.credential == credential_name ? 1 : 0;
        if (gather->left == 0) {
            shared_.options.control([done] { done({}); });
            return;
        }
        auto arrived = [gather, done](Reply reply) {
            gather->replies.push_back(std::move(reply));
            if (--gather->left == 0)
                done(std::move(gather->replies));
        };
        for_upstreams(credential_name, [this, task, arrived](Upstream& upstream) {
            task(upstream, [this, arrived](Reply reply) {
                shared_.options.control([arrived, reply = std::move(reply)] { arrived(reply); });
            });
        });
    }

    template <class Part, class Task, class Merge, class Done> void each_worker(Task task, Merge merge, Done done) {
        struct Gather {
            Part all{};
            std::size_t left = 0;
        };
        auto gather = std::make_shared<Gather>();
        gather->left = shared_.workers.size();
        for (auto& worker : shared_.workers) {
            worker->post([this, w = worker.get(), gather, task, merge, done] {
                auto part = std::make_shared<Part>(task(*w));
                shared_.options.control([gather, part, merge, done] {
                    merge(gather->all, std::move(*part));
                    if (--gather->left == 0)
                        done(std::move(gather->all));
                });
            });
        }
    }

    void wait_drained(rotation::Clock::time_point deadline, std::function<void()> done) {
        each_worker<bool>(
            [](Worker& worker) { return !worker.drained(); }, [](bool& any, bool part) { any = any || part; },
            [this, deadline, done = std::move(done)](bool busy) {
                if (!busy || rotation::Clock::now() >= deadline)
                    return done();
                // A worker's timer paces the asking; the control thread has none of ours.
                auto& worker = *shared_.workers.front();
                worker.post([this, &worker, deadline, done] {
                    worker.loop().call_at(worker.loop().now() + drain_check_every, [this, deadline, done] {
                        shared_.options.control([this, deadline, done] { wait_drained(deadline, done); });
                    });
                });
            });
    }

    Shared shared_;
    RuntimePtr runtime_;
    std::map<std::string, std::uint16_t> ports_;
    std::map<std::string, rotation::CredentialPtr> published_;
    std::map<std::string, std::uint64_t> replace_serials_;
    bool running_ = false;
};

} // namespace

std::unique_ptr<DataPlane> DataPlane::make(DataPlaneOptions options) {
    return std::make_unique<WorkerPlane>(std::move(options));
}

} // namespace rekey::proxy
