#include "proto/transfer/block.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace kp2p;
using namespace kp2p::proto;

namespace {

ByteVector noise(std::size_t size) {
    std::mt19937 random(7);
    ByteVector bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
}

ByteVector prose(std::size_t size) {
    ByteVector bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>('a' + i / 9 % 20);
    return bytes;
}

BlockEncoding encoding_of(const Block& block) {
    return std::get<Data>(*decode_transfer(3, block.payload())).encoding;
}

const ChunkName name{3, 5, *Sha1Link::from_hex("67452301efcdab8998badcfe10325476c3d2e1f0")};

}  // namespace

TEST_CASE("a chunk is cut into blocks and put together again") {
    struct Row {
        const char* name;
        ByteVector chunk;
        std::size_t blocks;
        BlockEncoding encoding;
    };
    const Row rows[] = {
        {"one byte", noise(1), 1, BlockEncoding::plain},
        {"one block", noise(65536), 1, BlockEncoding::plain},
        {"and a byte", noise(65537), 2, BlockEncoding::plain},
        {"whole chunk", noise(1 << 20), 16, BlockEncoding::plain},
        {"whole text chunk", prose(1 << 20), 16, BlockEncoding::zstd},
        {"text", prose(100000), 2, BlockEncoding::zstd},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const auto blocks = cut_chunk(name, row.chunk);
        CHECK(blocks.size() == row.blocks);
        ByteVector joined(row.chunk.size());
        std::size_t offset = 0;
        for (const Block& block : blocks) {
            const ByteVector payload = block.payload();
            CHECK(payload.size() == block.size_bytes());
            auto message = decode_transfer(3, payload);
            REQUIRE(message);
            const Data& data = std::get<Data>(*message);
            CHECK(data.id == 3);
            CHECK(data.index == 5);
            CHECK(data.offset == offset);
            CHECK(data.encoding == row.encoding);
            if (offset == 0) CHECK(data.link == name.link);
            const std::size_t size = std::min(block_bytes, joined.size() - offset);
            REQUIRE(
                unpack_block(data.encoding, data.bytes, std::span(joined).subspan(offset, size)));
            offset += size;
        }
        CHECK(joined == row.chunk);
    }
}

TEST_CASE("compression stops where it does not pay") {
    ByteVector chunk = prose(65536);
    const ByteVector tail = noise(65536);
    chunk.insert(chunk.end(), tail.begin(), tail.end());
    const auto blocks = cut_chunk(name, chunk);
    REQUIRE(blocks.size() == 2);
    CHECK(encoding_of(blocks[0]) == BlockEncoding::zstd);
    CHECK(encoding_of(blocks[1]) == BlockEncoding::plain);
}

TEST_CASE("a block of another size or a broken frame is refused") {
    const ByteVector chunk = prose(1000), payload = cut_chunk(name, chunk)[0].payload();
    const Data data = std::get<Data>(*decode_transfer(3, payload));
    REQUIRE(data.encoding == BlockEncoding::zstd);
    for (std::size_t size : {0u, 999u, 1001u, 65536u}) {
        ByteVector plain(size);
        CHECK(!unpack_block(data.encoding, data.bytes, plain));
        CHECK(!unpack_block(BlockEncoding::plain, prose(1000), plain));
    }
    for (std::size_t cut = 0; cut < data.bytes.size(); ++cut) {
        ByteVector plain(1000);
        CHECK(!unpack_block(data.encoding, data.bytes.first(cut), plain));
    }
}
