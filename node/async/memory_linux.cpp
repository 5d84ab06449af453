#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "node/async/memory.hpp"

namespace kp2p {
namespace {

constexpr int kept_bytes = 256 << 20;  // more than a download and a provider use at once

// What is used again is mapped again, from the system's cache of files. Whole pages of a segment
// alone, as those at its ends may hold what was written beside it.
int unmap_constant(dl_phdr_info* object, std::size_t, void*) {
    const std::uintptr_t page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
        const std::uintptr_t at = object->dlpi_addr + segment.p_vaddr;
        const std::uintptr_t begin = (at + page - 1) / page * page;
        const std::uintptr_t end = (at + segment.p_filesz) / page * page;
        if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;  // and the next one
}

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

void give_code_back() { ::dl_iterate_phdr(unmap_constant, nullptr); }

}  // namespace kp2p
