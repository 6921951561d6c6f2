// A cancel request of a client, carried to the server for the backend it has at that moment.
//
// The race that must not be: the request arrives when the backend serves somebody else. So the backend is not handed
// on while a request for it is under way (state `cancelling`), and a request whose client has left its backend before
// the connection stood is dropped. The server closes the connection once the signal was sent.
#pragma once

#include "proxy/net/tls.hpp"
#include "proxy/pool/backend.hpp"

namespace rekey::proxy {

class Worker;

void start_cancel(Worker& worker, Backend& backend, net::TlsContext tls, config::UpstreamTls mode,
                  std::chrono::milliseconds connect_timeout);

} // namespace rekey::proxy
