// test-store-cat ROOT SHA1: writes a file of a storage to stdout, chunk by proven chunk; exit
// status 4 if it is not there. For kachery_compat.py.
#include <cstdio>

#include "node/store/store.hpp"

using namespace kp2p;

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const Store store = *Store::open(argv[1]);
    auto chunks = store.open_chunks(*Sha1::from_hex(argv[2]));
    if (!chunks) return exit_status(chunks.error());
    while (!(*chunks)->ready())
        if (!(*chunks)->prepare()) return 5;
    for (std::uint64_t i = 0; (*chunks)->has(i); ++i) {
        auto chunk = (*chunks)->read(i);
        if (!chunk) return exit_status(chunk.error());
        if (!chunk->bytes.empty()) std::fwrite(chunk->bytes.data(), 1, chunk->bytes.size(), stdout);
    }
    return 0;
}
