// Any JSON either is refused or parses to a tree of safe names that reads back the same.
#include <cstdlib>

#include "proto/file/sha1dir.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kp2p::proto;
    const auto dir = Sha1Dir::parse(kp2p::as_text({data, size}));
    if (!dir) return 0;
    for (const DirEntry& entry : dir->entries()) {
        const auto found = dir->find(entry.name);
        if (!is_entry_name(entry.name) || (!found.file && !found.dir)) std::abort();
    }
    const auto again = Sha1Dir::parse(dir->text());
    if (!again || *again != *dir) std::abort();
    return 0;
}
