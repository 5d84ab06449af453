#include <malloc.h>

#include "node/async/memory.hpp"

namespace kp2p {
namespace {

constexpr int kept_bytes = 256 << 20;  // more than a download and a provider use at once

}  // namespace

void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, kept_bytes);
    mallopt(M_ARENA_MAX, 2);
#endif
}

void give_freed_memory_back() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

}  // namespace kp2p
