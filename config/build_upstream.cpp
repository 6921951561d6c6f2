#include "config/build.hpp"

namespace rekey::config {

Upstream build_upstream(const Section& section, Building& building) {
    Upstream upstream;
    upstream.name = section.text("name");
    upstream.protocol = section.choice<Protocol>("protocol");
    const auto* hosts = section.node("hosts");
    upstream.hosts_from_credential =
        hosts != nullptr && hosts->kind == Node::Kind::scalar && hosts->text == from_credential;
    if (!upstream.hosts_from_credential)
        upstream.hosts = section.addresses("hosts");
    upstream.database = section.text("database");
    upstream.target = section.choice<Target>("target");
    auto tls = section.section("tls");
    if (tls.has("mode"))
        upstream.tls.mode = tls.choice<UpstreamTls>("mode");
    upstream.tls.ca = tls.path("ca");
    upstream.tls.negotiation = tls.choice<TlsNegotiation>("negotiation");
    upstream.credential = section.text("credential");
    upstream.connect_timeout = section.duration("connect_timeout");
    auto pool = section.section("pool");
    upstream.pool.mode = pool.choice<PoolMode>("mode");
    upstream.pool.size = pool.integer("size");
    upstream.pool.min = pool.integer("min");
    upstream.pool.wait_timeout = pool.duration("wait_timeout");
    upstream.pool.idle_timeout = pool.duration("idle_timeout");
    upstream.pool.max_lifetime = pool.duration("max_lifetime");
    upstream.pool.prepared_statements = pool.integer("prepared_statements");
    if (section.has("uri"))
        apply_uri(section, upstream, building.problems);
    if (!upstream.tls.ca.empty() && !building.problems.refused(section.shown()))
        upstream.tls.digest = building.secrets.digest_of(
            upstream.tls.ca, section.has("uri") ? section.shown("uri") : tls.shown("ca"), false);
    auto place = building.problems.place_of(section.shown());
    upstream.where = place.file->name + ":" + std::to_string(place.line);
    return upstream;
}

} // namespace rekey::config
