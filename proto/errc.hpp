// proto::Errc: why bytes from a wire or a file could not be understood or trusted.
#pragma once

#include <system_error>

namespace kp2p::proto {

enum class Errc {
    truncated = 1,   // the bytes end before the structure does
    bad_value,       // a field holds a value that its type does not allow
    too_long,        // a length or count exceeds its limit
    unknown_type,    // a message of a kind that does not exist
    bad_text,        // text that cannot be parsed: hex, URI, JSON, address
    bad_signature,   // a signature does not verify
    bad_decryption,  // an authenticated message does not decrypt
    bad_point,       // a public key that is no valid curve point
    bad_state,       // a message that is not allowed now
    wrong_hash,      // bytes do not have the hash that names them
};

std::error_code make_error_code(Errc error);

}  // namespace kp2p::proto

template <>
struct std::is_error_code_enum<kp2p::proto::Errc> : std::true_type {};
