#include "proxy/snapshot.hpp"

#include <iterator>
#include <utility>

namespace rekey::proxy {

namespace {

template <class Row> void append(std::vector<Row>& to, std::vector<Row>&& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void add(std::map<std::string, std::uint64_t>& to, const std::map<std::string, std::uint64_t>& from) {
    for (const auto& [label, value] : from)
        to[label] += value;
}

} // namespace

void Snapshot::merge(Snapshot&& other) {
    append(pools, std::move(other.pools));
    append(backends, std::move(other.backends));
    append(clients, std::move(other.clients));
    add(client_errors, other.client_errors);
    add(closes, other.closes);
    add(replacements, other.replacements);
    add(pinned_sessions, other.pinned_sessions);
    add(limits_hit, other.limits_hit);
    add(throttled, other.throttled);
    client_connections += other.client_connections;
    transactions += other.transactions;
    queries += other.queries;
    bytes_from_clients += other.bytes_from_clients;
    bytes_to_clients += other.bytes_to_clients;
    auth_retries_saved += other.auth_retries_saved;
    logins_refused += other.logins_refused;
    logins += other.logins;
    cancels += other.cancels;
    probes += other.probes;
    for (std::size_t i = 0; i < acquire_wait.buckets.size(); ++i)
        acquire_wait.buckets[i] += other.acquire_wait.buckets[i];
    acquire_wait.sum += other.acquire_wait.sum;
    acquire_wait.count += other.acquire_wait.count;
}

} // namespace rekey::proxy
