// Which proxy stands before a store: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case. Pure.
#pragma once

#include "config/http_url.hpp"
#include "protocol/common/secret.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rekey::rotation::http {

struct Proxy {
    config::HttpUrl url;            // http only
    protocol::Secret authorization; // "Basic …"; empty: none
};

class ProxySettings {
  public:
    ProxySettings() = default; // no proxy
    // Variables come from `environment`. `error` is set when one that would be used is no proxy; it names the variable.
    ProxySettings(const std::function<std::optional<std::string>(const std::string&)>& environment, std::string& error);

    // Null: directly. Loopback and localhost are always reached directly.
    const Proxy* for_url(const config::HttpUrl& url) const;

  private:
    bool excepted(const config::HttpUrl& url) const;

    std::shared_ptr<const Proxy> http_, https_;
    std::vector<std::string> exceptions_; // lower case, as written
};

} // namespace rekey::rotation::http
