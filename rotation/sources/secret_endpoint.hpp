// Where a JSON secret says that its database is.
#pragma once

#include "rotation/endpoint.hpp"

#include <boost/json.hpp>

namespace rekey::rotation {

// The parts that `fields` names, as SecretShape (config/stores.hpp) does; those that are missing or of another type do
// not count. A port is a number or text.
Endpoint endpoint_in(const boost::json::value& secret, const config::EndpointFields& fields);

} // namespace rekey::rotation
