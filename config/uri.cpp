// Connection URIs, as in the PostgreSQL manual 34.1.1.2. libpq takes them apart, so that they mean here what they mean
// everywhere; only sslnegotiation is ours, because Debian 12's libpq does not know it.
#include "config/build.hpp"

#include <libpq-fe.h>
#include <map>
#include <memory>

namespace rekey::config {

namespace {

using Parameters = std::map<std::string, std::string>;

// A password in a URI would be shown by libpq's own messages.
bool names_a_password(std::string_view uri) {
    auto authority = uri.substr(std::min(uri.find("://"), uri.size()));
    authority.remove_prefix(std::min<std::size_t>(3, authority.size()));
    auto at = authority.substr(0, authority.find_first_of("/?")).rfind('@');
    bool in_front = at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
    auto query = uri.substr(std::min(uri.find('?'), uri.size()));
    return in_front || query.find("password=") != std::string_view::npos;
}

// Removes `sslnegotiation=...` from the query.
std::string take_negotiation(std::string& uri) {
    auto query = uri.find('?');
    if (query == std::string::npos)
        return {};
    std::string value, rest;
    for (auto part : split(std::string_view(uri).substr(query + 1), '&')) {
        constexpr std::string_view key = "sslnegotiation=";
        if (part.starts_with(key))
            value = part.substr(key.size());
        else
            rest.append(rest.empty() ? "?" : "&").append(part);
    }
    uri.resize(query);
    uri += rest;
    return value;
}

bool parse_uri(const std::string& uri, Parameters& parameters, std::string& why) {
    char* message = nullptr;
    std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(PQconninfoParse(uri.c_str(), &message),
                                                                          PQconninfoFree);
    std::unique_ptr<char, void (*)(void*)> owned(message, PQfreemem);
    if (!parsed) {
        why = message != nullptr ? message : "out of memory";
        why.erase(why.find_last_not_of('\n') + 1);
        return false;
    }
    for (auto option = parsed.get(); option->keyword != nullptr; ++option)
        if (option->val != nullptr)
            parameters[option->keyword] = option->val;
    return true;
}

std::string take(Parameters& parameters, const std::string& key) {
    auto node = parameters.extract(key);
    return node.empty() ? std::string() : node.mapped();
}

class UriReader {
  public:
    UriReader(const Section& section, Upstream& upstream, Problems& problems)
        : section_(section), upstream_(upstream), problems_(problems), path_(section.shown("uri")) {}

    void apply(Parameters& parameters, const std::string& negotiation) {
        hosts(take(parameters, "host"), take(parameters, "port"));
        if (auto database = take(parameters, "dbname"); !database.empty() && alone("database"))
            upstream_.database = database;
        auto tls = section_.section("tls");
        if (auto mode = take(parameters, "sslmode"); !mode.empty() && alone("tls.mode", tls.has("mode")))
            upstream_.tls.mode = choice<UpstreamTls>("upstreams[].tls.mode", "sslmode", mode);
        if (!negotiation.empty() && alone("tls.negotiation", tls.has("negotiation")))
            upstream_.tls.negotiation =
                choice<TlsNegotiation>("upstreams[].tls.negotiation", "sslnegotiation", negotiation);
        auto ca = take(parameters, "sslrootcert");
        if (!ca.empty() && ca != "system" && alone("tls.ca", tls.has("ca")))
            upstream_.tls.ca = section_.absolute_path("uri", ca);
        target(take(parameters, "target_session_attrs"));
        timeout(take(parameters, "connect_timeout"));
        if (!take(parameters, "user").empty())
            problems_.warn(path_, "the user is ignored: the credential says who logs in");
        for (const auto& [key, value] : parameters)
            problems_.error(path_, key + " is not supported here");
    }

  private:
    // Said in one place only.
    bool alone(const std::string& key, bool also_there) {
        if (also_there)
            problems_.error(section_.shown(key), "is given in uri, too");
        return !also_there;
    }
    bool alone(const std::string& key) { return alone(key, section_.has(key)); }

    template <class Enumeration> Enumeration choice(std::string_view option, std::string key, std::string_view value) {
        auto choices = choices_of(*find_option(option));
        for (std::size_t i = 0; i < choices.size(); ++i)
            if (choices[i].name == value)
                return static_cast<Enumeration>(i);
        problems_.error(path_, std::move(key) + " cannot be \"" + std::string(value) + "\" here");
        return Enumeration{};
    }

    void hosts(const std::string& names, const std::string& ports) {
        if (!alone("hosts"))
            return;
        auto host_list = split(names, ','), port_list = split(ports, ',');
        if (host_list.empty() || (port_list.size() > 1 && port_list.size() != host_list.size()))
            return problems_.error(path_, host_list.empty() ? "names no host" : "has not as many ports as hosts");
        for (std::size_t i = 0; i < host_list.size(); ++i) {
            auto port = port_list.empty() ? std::string_view() : port_list[port_list.size() == 1 ? 0 : i];
            add_host(std::string(host_list[i]), port.empty() ? "5432" : std::string(port));
        }
    }

    void add_host(const std::string& host, const std::string& port) {
        auto text = host.starts_with('/')                 ? "unix:" + host + "/.s.PGSQL." + port
                    : host.find(':') != std::string::npos ? "[" + host + "]:" + port
                                                          : host + ":" + port;
        if (auto address = parse_address(text))
            upstream_.hosts.push_back(*address);
        else
            problems_.error(path_, "\"" + text + "\" is no host and port");
    }

    void target(const std::string& value) {
        if (value.empty() || !alone("target"))
            return;
        if (value == "any" || value == "standby" || value == "primary")
            upstream_.target = choice<Target>("upstreams[].target", "target_session_attrs", value);
        else if (value == "read-write")
            upstream_.target = Target::primary;
        else
            problems_.error(path_, "target_session_attrs cannot be \"" + value + "\" here");
    }

    void timeout(const std::string& seconds) {
        if (seconds.empty() || !alone("connect_timeout"))
            return;
        auto value = parse_duration(seconds + "s");
        if (value && *value >= Duration(1000) && *value <= Duration(300'000))
            upstream_.connect_timeout = *value;
        else
            problems_.error(path_, "connect_timeout must be between 1 and 300 seconds");
    }

    const Section& section_;
    Upstream& upstream_;
    Problems& problems_;
    std::string path_;
};

} // namespace

void apply_uri(const Section& section, Upstream& upstream, Problems& problems) {
    auto uri = section.text("uri");
    auto path = section.shown("uri");
    if (problems.bad(path))
        return;
    if (!uri.starts_with("postgresql://") && !uri.starts_with("postgres://"))
        return problems.error(path, "expects postgresql://host:port/database");
    if (names_a_password(uri))
        return problems.error(path, "holds a password, which belongs into a credential");
    auto negotiation = take_negotiation(uri);
    Parameters parameters;
    std::string why;
    if (!parse_uri(uri, parameters, why))
        return problems.error(path, why);
    UriReader(section, upstream, problems).apply(parameters, negotiation);
}

} // namespace rekey::config
