// PostgreSQL messages that Rekey itself writes or reads. PostgreSQL manual 55.7.
//
// Writers append one whole frame to a string the caller owns; texts hold no NUL (names and parameters come from
// NUL-terminated fields, so they cannot). Readers take the body of one frame (without type and length), copy nothing
// and return views into it; the caller has checked the frame's length against its own limit before.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey::protocol::postgres {

inline constexpr std::uint32_t version_3_0 = 3 << 16;
inline constexpr std::uint32_t version_3_2 = 3 << 16 | 2;
inline constexpr std::uint32_t cancel_request_code = 80877102;
inline constexpr std::uint32_t ssl_request_code = 80877103;
inline constexpr std::uint32_t gss_encryption_request_code = 80877104;

// --- server to client ---

// `severity` is ERROR, FATAL or PANIC; written both as the localised (S) and the plain (V) field.
void error_response(std::string& out, std::string_view severity, std::string_view sqlstate, std::string_view message,
                    std::string_view detail = {}, std::string_view hint = {});
// `severity` is WARNING, NOTICE, DEBUG, INFO or LOG.
void notice_response(std::string& out, std::string_view severity, std::string_view sqlstate, std::string_view message,
                     std::string_view detail = {}, std::string_view hint = {});
void ready_for_query(std::string& out, char status); // 'I', 'T' or 'E'
void parameter_status(std::string& out, std::string_view name, std::string_view value);
void parse_complete(std::string& out);
void bind_complete(std::string& out);
void close_complete(std::string& out);
void no_data(std::string& out);
void empty_query_response(std::string& out);
void command_complete(std::string& out, std::string_view tag);
void backend_key_data(std::string& out, std::uint32_t pid, std::string_view key);
// `newest` is a whole version number; sent at most once and only when it differs from the requested version or an
// option is not known (libpq 18 refuses a message that asks for no change).
void negotiate_protocol_version(std::string& out, std::uint32_t newest, std::span<const std::string> unknown_options);
// All columns are of type text, in text format.
void row_description(std::string& out, std::span<const std::string_view> names);
void data_row(std::string& out, std::span<const std::optional<std::string_view>> values);

void authentication_ok(std::string& out);
void authentication_md5_password(std::string& out, std::string_view salt); // 4 bytes
void authentication_sasl(std::string& out, std::initializer_list<std::string_view> mechanisms);
void authentication_sasl_continue(std::string& out, std::string_view data);
void authentication_sasl_final(std::string& out, std::string_view data);

// --- client to server ---

void query(std::string& out, std::string_view sql);
// The types of the parameters are left to the server where `parameter_types` is shorter than their number.
void parse(std::string& out, std::string_view name, std::string_view sql,
           std::span<const std::uint32_t> parameter_types = {});
void close_statement(std::string& out, std::string_view name);
void close_portal(std::string& out, std::string_view name);
void flush(std::string& out);
void sync(std::string& out);
void terminate(std::string& out);
void password_message(std::string& out, std::string_view password);
void sasl_initial_response(std::string& out, std::string_view mechanism, std::string_view data);
void sasl_response(std::string& out, std::string_view data);
void ssl_request(std::string& out);
void cancel_request(std::string& out, std::uint32_t pid, std::string_view key);
// user and database come first; a database equal to nothing is left out, as the server defaults it to the user.
void startup_message(std::string& out, std::uint32_t version, std::string_view user, std::string_view database,
                     std::span<const std::pair<std::string, std::string>> parameters);

// --- readers ---

// Fields an ErrorResponse or NoticeResponse does not hold are empty: a server may leave out any of them, and a reader
// that trusts them to be there crashes (CVE-2026-6666). A body cut short gives the fields before the cut.
struct ErrorFields {
    std::string_view severity; // the plain one (V) where sent, else the localised one (S)
    std::string_view sqlstate;
    std::string_view message;
    std::string_view detail;
    std::string_view hint;
    std::string_view routine;
};
ErrorFields read_error_fields(std::string_view body);

struct ParameterStatus {
    std::string_view name, value;
};
std::optional<ParameterStatus> read_parameter_status(std::string_view body);

struct BackendKeyData {
    std::uint32_t pid = 0;
    std::string_view key; // 4..256 bytes
};
std::optional<BackendKeyData> read_backend_key_data(std::string_view body);

// Columns as they stand in the row; absent is NULL. `columns` is cleared first and reused from row to row; false if
// the body is malformed.
bool read_data_row(std::string_view body, std::vector<std::optional<std::string_view>>& columns);

std::optional<std::string_view> read_command_complete(std::string_view body);

} // namespace rekey::protocol::postgres
