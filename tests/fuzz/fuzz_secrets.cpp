// Secrets as people and programs write them: documents, the clients' own files, configurations of applications, URLs.
// A first byte says which.
#include "protocol/common/assert.hpp"
#include "rotation/endpoint.hpp"
#include "rotation/rfc3339.hpp"
#include "rotation/sources/client_files.hpp"
#include "rotation/sources/document.hpp"
#include "rotation/sources/keyed_document.hpp"
#include "rotation/sources/redact.hpp"
#include "rotation/sources/secret_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace rekey;
using namespace rekey::rotation;

// Exactly one of credential and error; what is handed out can be used, what is told is fit for a log.
void check(const FetchResult& result) {
    REKEY_ASSERT(result.credential.has_value() == result.error.empty());
    if (result.credential)
        REKEY_ASSERT(reason_against(*result.credential).empty());
}

std::string_view take_line(std::string_view& text) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    return line;
}

void read_configuration(std::string_view text, config::DocumentFormat format) {
    check(parse_keyed_document(text, format, usual_keys()));
    static const config::EndpointFields fields{"db.host", "db.port", "db.name", "spring.datasource.url"};
    check(parse_keyed_document(text, format, {{"db.user", "db.password"}}, fields));
    format_of(take_line(text), "", text);
}

void read_shape(std::string_view text) {
    config::SecretShape shape;
    check(read_secret_text(text, shape, Bare::refused));
    shape = {"/user/name", "/user/password", "/version", "ends", "somebody", {"/host", "/port", "/db", "/url"}};
    check(read_secret_text(text, shape, Bare::password));
}

void read_place(std::string_view text) {
    auto url = take_line(text), host = take_line(text), port = take_line(text);
    for (const auto& endpoint : {read_endpoint({{}, {}, {}, url}), read_endpoint({host, port, text, {}})})
        for (const auto& address : endpoint.hosts)
            REKEY_ASSERT(!address.is_unix() && !address.host.empty());
}

void read_time(std::string_view text) {
    auto time = parse_rfc3339(text);
    if (!time)
        return;
    auto whole = std::chrono::floor<std::chrono::milliseconds>(*time); // as it is written
    REKEY_ASSERT(parse_rfc3339(format_rfc3339(*time)) == whole);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 11) {
    case 0:
        check(parse_file_document(text));
        break;
    case 1:
        check(parse_program_output(text, "somebody"));
        break;
    case 2:
        read_configuration(text, config::DocumentFormat::properties);
        break;
    case 3:
        read_configuration(text, config::DocumentFormat::yaml);
        break;
    case 4:
        read_configuration(text, config::DocumentFormat::json);
        break;
    case 5:
        read_shape(text);
        break;
    case 6:
        check(parse_passfile(text, {"db.example.com", "5432", "orders"}, data[0] & 16 ? "orders" : ""));
        break;
    case 7:
        check(parse_option_file(text, data[0] & 16 ? "orders" : ""));
        break;
    case 8:
        read_place(text);
        break;
    case 9:
        read_time(text);
        break;
    case 10:
        REKEY_ASSERT(redact(text, text).find('\n') == std::string::npos);
        break;
    }
    return 0;
}
