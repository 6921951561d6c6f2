#include "rotation/sources/secret_endpoint.hpp"

#include "rotation/secret_json.hpp"

namespace rekey::rotation {

Endpoint endpoint_in(const boost::json::value& secret, const config::EndpointFields& fields) {
    auto text = [&](const std::string& key) {
        return key.empty() ? std::string_view() : json_text(json_part(secret, key));
    };
    auto port = fields.port.empty() ? std::string() : json_number_or_text(json_part(secret, fields.port));
    return read_endpoint({text(fields.host), port, text(fields.database), text(fields.url)});
}

} // namespace rekey::rotation
