// Makes a program's error output fit for a log.
#pragma once

#include <string>
#include <string_view>

namespace rekey::rotation {

// About 400 characters at most, on one line. Hidden is whatever might be a secret: the rest of a line after a word like
// password, token or Bearer; words with a long run of letters and digits or an @ (user:password@host); words that also
// occur in `secrets` (the program's output). Errs on the side of hiding.
std::string redact(std::string_view text, std::string_view secrets);

} // namespace rekey::rotation
