// The metrics: one table of names, and their text for /metrics. docs/metrics.md lists the same table.
#pragma once

#include "proxy/admin/control_plane.hpp"

#include <span>
#include <string>
#include <string_view>

namespace rekey::proxy::admin {

enum class MetricKind { counter, gauge, histogram };

struct MetricDescription {
    std::string_view name;
    MetricKind kind;
    std::string_view labels; // comma-separated; empty: none
    std::string_view help;
};

std::span<const MetricDescription> metric_table();

// Label values that are known beforehand: their series start at 0, so that a rate() sees the first event.
struct KnownLabel {
    std::string_view metric, value;
};
std::span<const KnownLabel> known_labels();
std::string_view to_string(MetricKind kind);

// Prometheus text exposition format 0.0.4.
std::string metrics_text(const StatusReport& report);

// docs/metrics.md's table.
std::string metrics_markdown();

} // namespace rekey::proxy::admin
