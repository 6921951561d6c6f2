// One session of the nearly free PostgreSQL: bytes in, canned answers out (see free_upstream.cpp for which).
//
// PostgreSQL manual 55.7. No limits and no errors: it is only ever talked to by the proxies under measurement.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rekey::bench {

class FreeSession {
  public:
    explicit FreeSession(int process_id) : process_id_(process_id) {}

    // Takes any piece of the stream and appends the replies. False: the client said good-bye.
    bool on_bytes(std::string_view bytes, std::string& output);

  private:
    enum class Answer { none, balance, count, rows, command };
    struct Statement {
        std::string text;
        Answer answer = Answer::none;
    };

    std::size_t start(std::string_view bytes, std::string& output);
    bool on_message(char type, std::string_view body, std::string& output);
    void simple_query(std::string_view text, std::string& output);
    void describe(Answer answer, std::string& output) const;
    void execute(const Statement& statement, std::string& output);
    void apply_set(std::string_view text, std::string& output);
    void set(std::string_view name, std::string_view value, std::string& output);
    void reset(std::string_view name, std::string& output);
    void report(std::string_view name, std::string_view value, std::string& output) const;
    void ready(std::string& output) const;
    static Answer classify(std::string_view text);

    int process_id_;
    bool started_ = false;
    char status_ = 'I';
    std::string input_; // an incomplete message
    std::unordered_map<std::string, Statement> statements_;
    Statement portal_; // everybody uses the unnamed one
};

} // namespace rekey::bench
