// Opens many clients, lets each run one query, and holds them all: for measuring what an idle client costs.
//
// idle_clients CONNINFO COUNT [QUERY]; prints "ready COUNT", ends when its standard input does.
#include "bench/load/sockets.hpp"

#include <atomic>
#include <libpq-fe.h>
#include <memory>
#include <thread>
#include <vector>

namespace {

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, Finish>;

Connection open_one(const char* conninfo, const char* query) {
    Connection connection(PQconnectdb(conninfo));
    if (PQstatus(connection.get()) != CONNECTION_OK) {
        std::fprintf(stderr, "connect: %s", PQerrorMessage(connection.get()));
        std::exit(1);
    }
    PGresult* result = PQexec(connection.get(), query);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        std::fprintf(stderr, "query: %s", PQerrorMessage(connection.get()));
        std::exit(1);
    }
    PQclear(result);
    return connection;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s CONNINFO COUNT [QUERY]\n", argv[0]);
        return 2;
    }
    const char* query = argc > 3 ? argv[3] : "SELECT abalance FROM pgbench_accounts WHERE aid = 1";
    std::vector<Connection> connections(static_cast<std::size_t>(std::strtoul(argv[2], nullptr, 10)));
    // The client's part of SCRAM is 4,096 rounds of HMAC: two threads, two cores.
    std::atomic<std::size_t> next = 0;
    const auto open_the_rest = [&] {
        for (std::size_t i = next++; i < connections.size(); i = next++)
            connections[i] = open_one(argv[1], query);
    };
    std::thread second(open_the_rest);
    open_the_rest();
    second.join();
    std::printf("ready %zu\n", connections.size());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return 0;
}
