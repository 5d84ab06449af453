// Any text either is refused or is an endpoint, which is written and read back the same.
#include <cstdlib>

#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using kp2p::Endpoint;
    const auto endpoint = Endpoint::parse(kp2p::as_text({data, size}));
    if (!endpoint) return 0;
    const auto again = Endpoint::parse(endpoint->text());
    if (!again || *again != *endpoint) std::abort();
    return 0;
}
