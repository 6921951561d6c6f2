// The scan of SQL, over texts that applications send: nanoseconds per byte is 1 / bytes_per_second.
#include "protocol/postgres/sql_scan.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

namespace {

using namespace rekey::protocol::postgres;

const std::string& text(std::string_view name) {
    static const std::string select = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711235;";
    static const std::string prepared = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;";
    static const std::string update = "UPDATE pgbench_accounts SET abalance = abalance + -2357 WHERE aid = 4711235;";
    static const std::string insert =
        "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (7, 1, 4711235, "
        "-2357, CURRENT_TIMESTAMP);";
    static const std::string begin = "BEGIN";
    static const std::string mapper =
        "SELECT u1_0.id, u1_0.created_at, u1_0.email, u1_0.name, o1_0.user_id, o1_0.id, o1_0.total FROM users u1_0 "
        "LEFT "
        "JOIN orders o1_0 ON u1_0.id = o1_0.user_id WHERE lower(u1_0.email) = lower($1) AND o1_0.total >= 17.50 ORDER "
        "BY "
        "count(o1_0.id) OVER (PARTITION BY u1_0.id) DESC, u1_0.id ASC LIMIT 50 /* service=web,trace=00-4bf92f35 */";
    static const std::string bulk = [] {
        std::string rows = "INSERT INTO t (a, b, c) VALUES (1, 'first', 1.5)";
        for (int i = 0; i < 1000; ++i) {
            rows += ", (" + std::to_string(i) + ", 'a value of usual length', 2.5)";
        }
        return rows;
    }();
    static const std::string literal = "INSERT INTO t VALUES ('" + std::string(1 << 16, 'x') + "')";
    return name == "select"     ? select
           : name == "prepared" ? prepared
           : name == "update"   ? update
           : name == "insert"   ? insert
           : name == "begin"    ? begin
           : name == "mapper"   ? mapper
           : name == "bulk"     ? bulk
                                : literal;
}

void scan(benchmark::State& state, std::string_view name) {
    const std::string& sql = text(name);
    for (auto _ : state) {
        benchmark::DoNotOptimize(scan_sql(sql, {}));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sql.size()));
}
BENCHMARK_CAPTURE(scan, begin, "begin");
BENCHMARK_CAPTURE(scan, pgbench_select, "select");
BENCHMARK_CAPTURE(scan, pgbench_select_prepared, "prepared");
BENCHMARK_CAPTURE(scan, pgbench_update, "update");
BENCHMARK_CAPTURE(scan, pgbench_insert, "insert");
BENCHMARK_CAPTURE(scan, mapper, "mapper");
BENCHMARK_CAPTURE(scan, bulk_insert, "bulk");
BENCHMARK_CAPTURE(scan, long_literal, "literal");

// As it arrives in pieces of a receive buffer.
void scan_in_pieces(benchmark::State& state) {
    const std::string& sql = text("bulk");
    const auto size = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        SqlScanner scanner({});
        for (std::size_t at = 0; at < sql.size(); at += size) {
            scanner.feed(std::string_view(sql).substr(at, size));
        }
        benchmark::DoNotOptimize(scanner.finish());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sql.size()));
}
BENCHMARK(scan_in_pieces)->Arg(16)->Arg(512)->Arg(16384);

void read_set(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(read_simple_set("SET SESSION application_name TO 'web'", true));
    }
}
BENCHMARK(read_set);

} // namespace
