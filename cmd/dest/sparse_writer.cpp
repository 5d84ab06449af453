#include "cmd/dest/sparse_writer.hpp"

#include <algorithm>
#include <cstring>

namespace kp2p {
namespace {

constexpr std::size_t hole_bytes = 64 << 10;  // what a hole is worth having for

bool is_zero(ByteView bytes) {
    return bytes.empty() ||
           (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

Result<void> SparseWriter::write(const File& to, ByteView bytes) {
    while (!bytes.empty()) {
        // Up to the next place where a hole may begin or end; neighbours that hold something go
        // together.
        std::size_t size = 0;
        bool zero = false;
        while (size < bytes.size()) {
            const std::size_t room = hole_bytes - (offset_ + size) % hole_bytes;
            const auto part = bytes.subspan(size, std::min(room, bytes.size() - size));
            const bool part_zero = is_zero(part);
            if (size > 0 && part_zero != zero) break;
            zero = part_zero;
            size += part.size();
        }
        if (!zero)
            if (auto done = to.write_at(offset_, bytes.first(size)); !done) return done.error();
        offset_ += size;
        bytes = bytes.subspan(size);
    }
    return ok;
}

}  // namespace kp2p
