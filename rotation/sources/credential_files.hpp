// Reads a credential from a file, or from a directory with the files `username` and `password`. Blocking: for
// Environment::run_blocking.
#pragma once

#include "rotation/source.hpp"

#include <string>

namespace rekey::rotation {

struct FileReading {
    FetchResult result;             // the version is empty unless the file names one
    std::string readable_by_others; // a path, for one warning; empty: none is
};

// Username and password of a directory are of one moment: a Kubernetes mount (`..data`) is read through one
// descriptor of the version that `..data` names; otherwise both files are read again while either changes meanwhile.
// One trailing newline is not part of a value. A .pgpass file is refused when group or others may read it, as libpq
// does it; strict_permissions refuses whatever others may read.
FileReading read_credential_files(const config::Source& source);

} // namespace rekey::rotation
