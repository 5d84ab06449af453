// Any TXT record either is refused or is an announcement, which is written and read back the same.
#include <cstdlib>

#include "proto/lookup/lan_announcement.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kp2p::proto;
    const auto announcement = decode_lan_announcement({data, size});
    if (!announcement) return 0;
    const auto again = decode_lan_announcement(encode(*announcement));
    if (!again || *again != *announcement) std::abort();
    return 0;
}
