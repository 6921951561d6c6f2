// Opens many clients, lets each run one query, and holds them all: for measuring what an idle client costs.
//
// idle_clients CONNINFO COUNT QUERY; prints "ready COUNT", ends when its standard input does.
#include "bench/load/client.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

using rekey::bench::Client;

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s CONNINFO COUNT QUERY\n", argv[0]);
        return 2;
    }
    std::vector<std::unique_ptr<Client>> clients(static_cast<std::size_t>(std::strtoul(argv[2], nullptr, 10)));
    // The client's part of SCRAM is 4,096 rounds of HMAC: two threads, two cores.
    std::atomic<std::size_t> next = 0;
    const auto open_the_rest = [&] {
        for (std::size_t i = next++; i < clients.size(); i = next++) {
            clients[i] = std::make_unique<Client>(argv[1]);
            clients[i]->query(argv[3]);
        }
    };
    std::thread second(open_the_rest);
    open_the_rest();
    second.join();
    std::printf("ready %zu\n", clients.size());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return 0;
}
