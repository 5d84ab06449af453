// Any text either is refused or parses, and what parses is written and read back the same.
#include <cstdlib>

#include "proto/file/uri.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using kp2p::proto::Uri;
    std::string complaint;
    const auto uri = Uri::parse(kp2p::as_text({data, size}), complaint);
    if (static_cast<bool>(uri) != complaint.empty()) std::abort();
    if (!uri) return 0;
    const auto again = Uri::parse(uri->text());
    if (!again && uri->text().size() <= kp2p::proto::max_uri_bytes) std::abort();
    if (again && *again != *uri) std::abort();
    return 0;
}
