// HTTP/1.1 as bytes: requests are written, responses are read. No I/O.
#pragma once

#include "protocol/common/secret.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::rotation::http {

struct Header {
    std::string name;
    protocol::Secret value;
};

// A value that would end its line, or that no server could read, is refused: false.
bool is_header_value(std::string_view value);

// The caller cleanses the text. `headers` are valid; Host, User-Agent, Content-Length and a missing Accept are added.
std::string write_request(std::string_view method, std::string_view target, std::string_view host,
                          const std::vector<Header>& headers, std::string_view body);

struct Head {
    int status = 0;
    bool keep_alive = false;
    std::vector<std::pair<std::string, std::string>> headers;

    // Any case; the first of that name; empty when there is none.
    std::string header(std::string_view name) const;
};

// One response. Interim ones (1xx) are passed over.
class ResponseReader {
  public:
    enum class Kind { ordinary, connect }; // what answers CONNECT has no body
    ResponseReader(Kind kind, std::size_t body_limit);
    ~ResponseReader();

    // Returns what is wrong; empty when nothing is. After done() nothing more is taken.
    std::string take(std::string_view bytes);
    // The connection ended. Empty when the response was complete by that.
    std::string end();
    bool done() const;
    bool begun() const; // some byte has arrived

    // Once, when done.
    Head head() const;
    protocol::Secret take_body();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace rekey::rotation::http
