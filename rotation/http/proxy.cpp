#include "rotation/http/proxy.hpp"

#include "config/scalars.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>

namespace rekey::rotation::http {

namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::string unescaped(std::string_view text) {
    auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool escape = text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                      std::isxdigit(static_cast<unsigned char>(text[i + 2]));
        result += escape ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
        i += escape ? 2 : 0;
    }
    return result;
}

protocol::Secret basic_authorization(std::string_view user_information) {
    auto plain = unescaped(user_information);
    if (plain.find(':') == std::string::npos)
        plain += ':';
    std::string encoded(4 * ((plain.size() + 2) / 3) + 1, '\0');
    auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
    encoded.resize(static_cast<std::size_t>(size));
    protocol::cleanse(plain);
    auto text = "Basic " + encoded;
    protocol::cleanse(encoded);
    return protocol::Secret::take(text);
}

// http://[user[:password]@]host[:port], the scheme may be missing. Null: something else.
std::shared_ptr<const Proxy> parse_proxy(std::string_view text) {
    auto proxy = std::make_shared<Proxy>();
    if (text.starts_with("http://"))
        text.remove_prefix(7);
    if (text.find("://") != std::string_view::npos)
        return nullptr;
    if (auto at = text.rfind('@'); at != std::string_view::npos) {
        proxy->authorization = basic_authorization(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    auto url = config::parse_http_url("http://" + std::string(text));
    if (!url)
        return nullptr;
    proxy->url = std::move(*url);
    return proxy;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

bool in_network(const config::Network& network, const std::string& host) {
    auto address = config::parse_network(host); // one address is a network of its own
    if (!address || address->unix_sockets || network.unix_sockets || address->v6 != network.v6)
        return false;
    for (unsigned bit = 0; bit < network.prefix; ++bit)
        if ((((address->bytes[bit / 8] ^ network.bytes[bit / 8]) >> (7 - bit % 8)) & 1) != 0)
            return false;
    return true;
}

// `example.com` and `.example.com` stand for the domain with what is below it; `*.example.com` is taken as the latter.
bool names(std::string_view exception, const std::string& host) {
    if (exception.starts_with("*."))
        exception.remove_prefix(1);
    if (exception.starts_with("."))
        exception.remove_prefix(1);
    if (exception.empty() || !host.ends_with(exception))
        return false;
    return host.size() == exception.size() || host[host.size() - exception.size() - 1] == '.';
}

} // namespace

ProxySettings::ProxySettings(const std::function<std::optional<std::string>(const std::string&)>& environment,
                             std::string& error) {
    auto first = [&](std::initializer_list<const char*> variables) -> std::shared_ptr<const Proxy> {
        for (const std::string variable : variables) {
            auto value = environment(variable);
            if (!value || value->empty())
                continue;
            auto proxy = parse_proxy(*value);
            protocol::cleanse(*value);
            if (!proxy)
                error = variable + " is no proxy's address: http://host:port is expected";
            return proxy;
        }
        return nullptr;
    };
    https_ = first({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
    http_ = first({"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
    auto none = environment("no_proxy");
    if (!none || none->empty())
        none = environment("NO_PROXY");
    const auto list = none.value_or("");
    for (auto part : config::split(list, ','))
        exceptions_.push_back(lower(trimmed(part)));
}

const Proxy* ProxySettings::for_url(const config::HttpUrl& url) const {
    const auto& proxy = url.tls ? https_ : http_;
    config::Address address;
    address.host = url.host;
    if (!proxy || address.is_loopback() || excepted(url))
        return nullptr;
    return proxy.get();
}

bool ProxySettings::excepted(const config::HttpUrl& url) const {
    auto host = lower(url.host);
    auto port = ":" + std::to_string(url.port);
    return std::any_of(exceptions_.begin(), exceptions_.end(), [&](std::string_view exception) {
        if (exception == "*")
            return true;
        if (auto network = config::parse_network(exception))
            return in_network(*network, host);
        if (exception.ends_with(port))
            exception.remove_suffix(port.size());
        return names(exception, host);
    });
}

} // namespace rekey::rotation::http
