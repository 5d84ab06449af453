// Any JSON either is refused or parses to a manifest that covers its file and reads back the same.
#include <cstdlib>

#include "proto/file/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using kp2p::proto::Manifest;
    const auto manifest = Manifest::parse(kp2p::as_text({data, size}));
    if (!manifest) return 0;
    std::uint64_t covered_bytes = 0;
    for (const auto& chunk : manifest->chunks) covered_bytes += chunk.end_bytes - chunk.start_bytes;
    if (covered_bytes != manifest->size_bytes) std::abort();
    const auto again = Manifest::parse(manifest->text());
    if (!again || *again != *manifest) std::abort();
    return 0;
}
