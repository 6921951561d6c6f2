#include "rotation/sources/secret_endpoint.hpp"

#include "rotation/secret_json.hpp"

namespace rekey::rotation {

Endpoint endpoint_in(const boost::json::object& secret, const config::EndpointFields& fields) {
    auto text = [&](const std::string& key) { return json_text(secret.if_contains(key)); };
    auto* port = secret.if_contains(fields.port);
    bool number = port != nullptr && port->is_int64();
    auto port_text = number ? std::to_string(port->get_int64()) : std::string(text(fields.port));
    return read_endpoint({text(fields.host), port_text, text(fields.database), text(fields.url)});
}

} // namespace rekey::rotation
