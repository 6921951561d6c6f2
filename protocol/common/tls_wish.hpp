// What a login upstream wants of TLS.
#pragma once

namespace rekey::protocol {

enum class TlsWish { none, prefer, require }; // `require` covers verify-ca and verify-full: verifying is the driver's

} // namespace rekey::protocol
