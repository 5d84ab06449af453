// A type and any payload as a transfer message: what is understood survives a round trip, and
// blocks unpack into exactly the size asked for, or not at all.
#include "proto/transfer/block.hpp"
#include "proto/transfer/have_bits.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto message = decode_transfer(data[0], ByteView(data + 1, size - 1));
    if (!message) return 0;
    const Encoded once = encode(*message);
    const auto again = decode_transfer(once.type, once.payload);
    if (!again || encode(*again).payload != once.payload) __builtin_trap();
    if (const auto* opened = std::get_if<Opened>(&*message); opened && opened->have)
        (void)has_chunk(*opened->have, opened->size_bytes);
    if (const auto* block = std::get_if<Data>(&*message)) {
        ByteVector plain(block->offset % (block_bytes + 1));
        (void)unpack_block(block->encoding, block->bytes, plain);
    }
    if (const auto* slice = std::get_if<Slice>(&*message)) {
        ByteVector plain(slice->offset % (block_bytes + 1));
        (void)unpack_block(slice->encoding, slice->bytes, plain);
    }
    if (const auto* file = std::get_if<WholeFile>(&*message)) {
        ByteVector plain(static_cast<std::size_t>(file->size_bytes));
        (void)unpack_block(file->encoding, file->bytes, plain);
    }
    return 0;
}
