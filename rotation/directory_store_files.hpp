// The files of the directory store: whole reads, durable replacement, and names for anything.
#pragma once

#include <string>
#include <string_view>

namespace rekey::rotation {

// Of the file that write_file_durably() prepares; file_name_of() never ends so.
inline constexpr std::string_view temporary_suffix = ".tmp";

enum class FileRead { ok, missing, failed };

// Reads a whole regular file of at most `limit` bytes. `reason` is set when it failed.
FileRead read_file(int directory, const std::string& name, std::size_t limit, std::string& bytes, std::string& reason);

// After `true` the file holds `bytes` whatever happens; a crash before leaves the old content or the new one. After
// `false` it is unknown which: `reason` says what failed.
bool write_file_durably(int directory, const std::string& name, std::string_view bytes, std::string& reason);

// PREFIX.NAME with everything but letters, digits, '-' and '_' as %XX. Names that would get too long for a file
// system end in a hash instead ('=' is never the result of the plain encoding).
std::string file_name_of(std::string_view prefix, std::string_view name);

} // namespace rekey::rotation
