#include "bench/load/client.hpp"

#include <mysql.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>

namespace rekey::bench {
namespace {

std::map<std::string, std::string> words_of(const char* where) {
    std::map<std::string, std::string> words;
    std::istringstream text(where);
    for (std::string word; text >> word;) {
        if (const auto equals = word.find('='); equals != std::string::npos)
            words[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return words;
}

[[noreturn]] void give_up(const char* what, MYSQL* connection) {
    std::fprintf(stderr, "%s: %s\n", what, mysql_error(connection));
    std::exit(1);
}

MYSQL* make() {
    static const int failure = mysql_library_init(0, nullptr, nullptr); // mysql_init would, in two threads at once
    MYSQL* connection = failure == 0 ? mysql_init(nullptr) : nullptr;
    if (connection == nullptr) {
        std::fputs("mysql_init: out of memory\n", stderr);
        std::exit(1);
    }
    return connection;
}

} // namespace

Client::Client(const char* where)
    : connection_(make(), [](void* connection) { mysql_close(static_cast<MYSQL*>(connection)); }) {
    auto* connection = static_cast<MYSQL*>(connection_.get());
    auto words = words_of(where);
    const auto port = static_cast<unsigned>(std::strtoul(words["port"].c_str(), nullptr, 10));
    const unsigned seconds = 20;
    mysql_options(connection, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    if (mysql_real_connect(connection, words["host"].c_str(), words["user"].c_str(), words["password"].c_str(),
                           words["dbname"].c_str(), port, nullptr, 0) == nullptr)
        give_up("connect", connection);
}

void Client::query(const char* text) {
    auto* connection = static_cast<MYSQL*>(connection_.get());
    if (mysql_query(connection, text) != 0)
        give_up("query", connection);
    MYSQL_RES* rows = mysql_store_result(connection);
    if (rows == nullptr)
        give_up("query", connection);
    mysql_free_result(rows);
}

} // namespace rekey::bench
