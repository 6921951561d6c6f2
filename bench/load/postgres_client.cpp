#include "bench/load/client.hpp"

#include <cstdio>
#include <cstdlib>
#include <libpq-fe.h>

namespace rekey::bench {

Client::Client(const char* where)
    : connection_(PQconnectdb(where), [](void* connection) { PQfinish(static_cast<PGconn*>(connection)); }) {
    auto* connection = static_cast<PGconn*>(connection_.get());
    if (PQstatus(connection) != CONNECTION_OK) {
        std::fprintf(stderr, "connect: %s", PQerrorMessage(connection));
        std::exit(1);
    }
}

void Client::query(const char* text) {
    auto* connection = static_cast<PGconn*>(connection_.get());
    PGresult* result = PQexec(connection, text);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        std::fprintf(stderr, "query: %s", PQerrorMessage(connection));
        std::exit(1);
    }
    PQclear(result);
}

} // namespace rekey::bench
