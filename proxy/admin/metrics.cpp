#include "proxy/admin/metrics.hpp"

#include "protocol/common/assert.hpp"
#include "proxy/version.hpp"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace rekey::proxy::admin {
namespace {

using Seconds = std::chrono::duration<double>;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array rotation_states{
    rotation::RotationState::idle,      rotation::RotationState::fetching,  rotation::RotationState::verifying,
    rotation::RotationState::published, rotation::RotationState::replacing, rotation::RotationState::proving,
    rotation::RotationState::revoking,  rotation::RotationState::held,      rotation::RotationState::rolled_back};

double unix_time(std::chrono::system_clock::time_point time) {
    return Seconds(time.time_since_epoch()).count();
}

MetricType type_of(MetricKind kind) {
    switch (kind) {
    case MetricKind::counter:
        return MetricType::Counter;
    case MetricKind::gauge:
        return MetricType::Gauge;
    case MetricKind::histogram:
        return MetricType::Histogram;
    }
    return MetricType::Untyped;
}

// Families in the table's order, filled from one report.
class Families final : public prometheus::Collectable {
  public:
    explicit Families(const StatusReport& report) : report_(report) {
        for (auto& description : metric_table()) {
            MetricFamily family;
            family.name = description.name;
            family.help = description.help;
            family.type = type_of(description.kind);
            index_.emplace(description.name, families_.size());
            families_.push_back(std::move(family));
        }
        add_process();
        add_pools();
        add_clients();
        add_traffic();
        for (auto& credential : report_.credentials)
            add_credential(credential.rotator);
    }

    std::vector<MetricFamily> Collect() const override {
        auto filled = families_;
        std::erase_if(filled, [](const MetricFamily& family) { return family.metric.empty(); });
        return filled;
    }

  private:
    // Label values in the order of the table's label names.
    void add(std::string_view name, std::vector<std::string> labels, double value) {
        auto& metric = make(name, std::move(labels));
        metric.counter.value = value;
        metric.gauge.value = value; // the family's type says which of the two counts
    }
    void add(std::string_view name, std::vector<std::string> labels, std::uint64_t value) {
        add(name, std::move(labels), static_cast<double>(value));
    }

    ClientMetric& make(std::string_view name, std::vector<std::string> labels) {
        auto found = index_.find(name);
        REKEY_ASSERT(found != index_.end());
        auto& metric = families_[found->second].metric.emplace_back();
        auto names = metric_table()[found->second].labels;
        for (auto& value : labels) {
            auto comma = names.find(',');
            metric.label.push_back({std::string(names.substr(0, comma)), std::move(value)});
            names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 1);
        }
        REKEY_ASSERT(names.empty());
        return metric;
    }

    void add_map(std::string_view name, const std::map<std::string, std::uint64_t>& values) {
        for (auto& [label, value] : values)
            add(name, {label}, value);
    }

    void add_known(std::string_view name, std::map<std::string, std::uint64_t> values) {
        for (auto& label : known_labels()) {
            if (label.metric == name)
                values.try_emplace(std::string(label.value), 0);
        }
        add_map(name, values);
    }

    void add_process() {
        add("rekey_build_info", {std::string(version)}, std::uint64_t{1});
        add("rekey_process_start_time_seconds", {}, unix_time(report_.started));
        add("rekey_ready", {}, report_.not_ready.empty() ? 1.0 : 0.0);
        add("rekey_reloads_total", {"done"}, report_.reloads_done);
        add("rekey_reloads_total", {"failed"}, report_.reloads_failed);
        add("rekey_log_lines_dropped_total", {}, report_.log_dropped);
        add("rekey_log_lines_suppressed_total", {}, report_.log_suppressed);
    }

    void add_pools() {
        std::map<std::string, std::uint64_t> sizes;
        for (auto& pool : report_.snapshot.pools) {
            sizes[pool.upstream] = pool.size;
            add("rekey_pool_clients_active", {pool.upstream, pool.pool}, std::uint64_t{pool.clients_active});
            add("rekey_pool_clients_waiting", {pool.upstream, pool.pool}, std::uint64_t{pool.clients_waiting});
            add("rekey_pool_longest_wait_seconds", {pool.upstream, pool.pool}, pool.longest_wait_seconds);
            add("rekey_pool_logins_paused", {pool.upstream, pool.pool}, pool.logins_paused ? 1.0 : 0.0);
        }
        add_map("rekey_pool_size", sizes);

        // All states of a generation while it has a backend, none afterwards.
        std::map<std::pair<std::string, std::uint64_t>, std::array<std::uint64_t, backend_state_names.size()>> counts;
        for (auto& backend : report_.snapshot.backends)
            ++counts[{backend.upstream, backend.generation}][static_cast<std::size_t>(backend.state)];
        for (auto& [key, states] : counts) {
            for (std::size_t i = 0; i < states.size(); ++i)
                add("rekey_backend_connections", {key.first, std::to_string(key.second), backend_state_names[i]},
                    states[i]);
        }
    }

    void add_clients() {
        auto& snapshot = report_.snapshot;
        add("rekey_client_connections", {}, snapshot.client_connections);
        add_known("rekey_client_errors_total", snapshot.client_errors);
        add_known("rekey_closes_total", snapshot.closes);
        add_known("rekey_limits_hit_total", snapshot.limits_hit);
        add_known("rekey_throttled_total", snapshot.throttled);
        add_known("rekey_sessions_pinned", snapshot.pinned_sessions);
    }

    void add_traffic() {
        auto& snapshot = report_.snapshot;
        add("rekey_transactions_total", {}, snapshot.transactions);
        add("rekey_queries_total", {}, snapshot.queries);
        add("rekey_client_bytes_received_total", {}, snapshot.bytes_from_clients);
        add("rekey_client_bytes_sent_total", {}, snapshot.bytes_to_clients);
        add("rekey_backend_logins_total", {}, snapshot.logins);
        add("rekey_backend_logins_refused_total", {}, snapshot.logins_refused);
        add("rekey_probes_total", {}, snapshot.probes);
        add("rekey_cancels_total", {}, snapshot.cancels);
        add("rekey_auth_retries_saved_total", {}, snapshot.auth_retries_saved);
        add_known("rekey_replacements_total", snapshot.replacements);
        add_histogram(snapshot.acquire_wait);
    }

    void add_histogram(const WaitHistogram& wait) {
        auto& histogram = make("rekey_acquire_wait_seconds", {}).histogram;
        histogram.sample_count = wait.count;
        histogram.sample_sum = wait.sum;
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < WaitHistogram::bounds.size(); ++i) {
            below += wait.buckets[i];
            histogram.bucket.push_back({below, WaitHistogram::bounds[i]});
        }
    }

    void add_credential(const rotation::RotatorStatus& status) {
        auto& name = status.name;
        add("rekey_rotations_total", {name, "done"}, status.rotations_done);
        add("rekey_rotations_total", {name, "held"}, status.rotations_held);
        add("rekey_rotations_total", {name, "rolled_back"}, status.rotations_rolled_back);
        add("rekey_rotations_total", {name, "failed"}, status.rotations_failed);
        for (auto state : rotation_states)
            add("rekey_rotation_state", {name, std::string(to_string(state))}, status.state == state ? 1.0 : 0.0);
        add("rekey_rotation_backends_left", {name}, std::uint64_t{status.progress.old_left});
        if (status.last_success)
            add("rekey_rotation_last_success_timestamp_seconds", {name}, unix_time(*status.last_success));
        add("rekey_credential_generation", {name}, status.generation);
        if (status.since)
            add("rekey_credential_age_seconds", {name}, Seconds(report_.now - *status.since).count());
        if (status.not_after)
            add("rekey_credential_expires_seconds", {name}, Seconds(*status.not_after - report_.now).count());
        add("rekey_credential_fetch_failures_total", {name}, status.fetch_failures);
        add("rekey_credential_breaker_open", {name}, status.breaker_open ? 1.0 : 0.0);
        add("rekey_credential_refused_logins_total", {name}, status.refused_logins);
    }

    const StatusReport& report_;
    std::vector<MetricFamily> families_;
    std::map<std::string_view, std::size_t> index_;
};

} // namespace

std::string metrics_text(const StatusReport& report) {
    return prometheus::TextSerializer().Serialize(Families(report).Collect());
}

} // namespace rekey::proxy::admin
