// A client's connection to a database server, as the load programs need it. Which protocol it speaks depends on what a
// program is linked with: postgres_client.cpp or mysql_client.cpp.
#pragma once

#include <memory>

namespace rekey::bench {

// Each call blocks, and ends the program with the server's words where it fails. One thread at a time for each Client.
class Client {
  public:
    // Logs in; `where` is libpq's "host=127.0.0.1 port=5432 user=… password=… dbname=…" for both protocols.
    explicit Client(const char* where);

    // Runs a statement that returns rows, and drops them.
    void query(const char* text);

  private:
    std::unique_ptr<void, void (*)(void*)> connection_;
};

} // namespace rekey::bench
