// StoreErrc: why a file is not put into the storage though the system has nothing against it. To a
// user it is Errc::failed, with these words.
#pragma once

#include <system_error>

namespace kp2p {

enum class StoreErrc {
    changed = 1,  // it was written to while it was read
    collision,    // other bytes with the same SHA-1 are stored already
    made_up,      // it gives more or fewer bytes than its size says
    no_text,      // its path is not UTF-8, and is to be linked
    secrets,      // a node's configuration directory
    itself,       // the storage
};

std::error_code make_error_code(StoreErrc error);

}  // namespace kp2p

template <>
struct std::is_error_code_enum<kp2p::StoreErrc> : std::true_type {};
