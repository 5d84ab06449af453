#include "proto/file/links.hpp"

#include <doctest/doctest.h>

#include "test/proto/file/content.hpp"
#include "test/vectors.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using test::content;

namespace {

struct File {  // a row of the vectors
    std::uint64_t size_bytes;
    Sha1 sha1;
    std::vector<Sha1Link> links;
    ByteVector bytes;

    ByteView chunk(std::uint64_t index) const {
        return ByteView(bytes).subspan(index * chunk_bytes, chunk_size_bytes(size_bytes, index));
    }
};

std::vector<File> files() {
    std::vector<File> files;
    for (const auto row : test::vectors("file")["files"]) {
        File file{row["size"].get_uint64(), *Sha1::from_hex(row["sha1"].get_string()), {}, {}};
        for (const auto link : row["links"])
            file.links.push_back(*Sha1Link::from_hex(link.get_string()));
        file.bytes = content(file.size_bytes);
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace

TEST_CASE("hashing a file from the front gives its SHA-1 and the link and sum of each chunk") {
    for (const File& file : files()) {
        for (const std::size_t piece_bytes : {std::size_t{1} << 22, std::size_t{65537}}) {
            CAPTURE(file.size_bytes);
            CAPTURE(piece_bytes);
            LinkHasher hasher;
            ChunkSums summing;
            for (std::size_t at = 0; at < file.bytes.size(); at += piece_bytes) {
                const auto size = std::min(piece_bytes, file.bytes.size() - at);
                const ByteView piece = ByteView(file.bytes).subspan(at, size);
                hasher.update(piece);
                summing.update(piece);
            }
            CHECK(hasher.size_bytes() == file.size_bytes);
            CHECK(hasher.finish() == file.sha1);
            CHECK(hasher.links() == file.links);
            const std::vector<std::uint64_t> sums = summing.finish();
            REQUIRE(sums.size() == file.links.size());
            for (std::size_t i = 0; i < file.links.size(); ++i)
                CHECK(sums[i] == content_sum(file.chunk(i)));
        }
    }
}

TEST_CASE("a file is verified from its last chunk to its first") {
    for (const File& file : files()) {
        CAPTURE(file.size_bytes);
        const std::uint64_t count = chunk_count(file.size_bytes);
        REQUIRE(count == file.links.size());
        auto last = finish_chunk(file.links[count - 1], file.chunk(count - 1), file.size_bytes);
        REQUIRE(last);
        CHECK(*last == file.sha1);
        CHECK(is_last_of(file.sha1, file.links[count - 1], file.chunk(count - 1), file.size_bytes));
        for (std::uint64_t i = count - 1; i-- > 0;) {
            auto next = next_link(file.links[i], file.chunk(i));
            REQUIRE(next);
            CHECK(*next == file.links[i + 1]);
            CHECK(is_between(file.links[i], file.chunk(i), file.links[i + 1]));
        }
        CHECK(file.links[0] == first_link());
    }
}

TEST_CASE("an altered byte, link or size changes the outcome") {
    for (const File& file : files()) {
        CAPTURE(file.size_bytes);
        const std::uint64_t last = chunk_count(file.size_bytes) - 1;
        ByteVector chunk(file.chunk(last).begin(), file.chunk(last).end());
        Sha1Link link = file.links[last];
        link.data()[19] ^= 1;
        CHECK(*finish_chunk(link, chunk, file.size_bytes) != file.sha1);
        CHECK_FALSE(is_last_of(file.sha1, link, chunk, file.size_bytes));
        const std::uint64_t other_size = file.size_bytes + chunk_bytes;
        if (file.size_bytes > 0)
            CHECK(*finish_chunk(file.links[last], chunk, other_size) != file.sha1);
        CHECK_FALSE(is_last_of(file.sha1, file.links[last], chunk, other_size));
        if (chunk.empty()) continue;
        chunk[chunk.size() / 2] ^= 0x80;
        CHECK(*finish_chunk(file.links[last], chunk, file.size_bytes) != file.sha1);
        CHECK_FALSE(is_last_of(file.sha1, file.links[last], chunk, file.size_bytes));
        if (last == 0) continue;
        ByteVector first(file.chunk(0).begin(), file.chunk(0).end());
        first[first.size() / 2] ^= 0x80;
        CHECK_FALSE(is_between(file.links[0], first, file.links[1]));
    }
}

TEST_CASE("a chunk of the wrong length is an error") {
    const ByteVector bytes = content(chunk_bytes + 1);
    const ByteView view(bytes);
    const Sha1Link link = first_link();
    CHECK(next_link(link, view).error() == proto::Errc::bad_value);
    CHECK(next_link(link, view.first(chunk_bytes - 1)).error() == proto::Errc::bad_value);
    CHECK(next_link(link, ByteView()).error() == proto::Errc::bad_value);
    CHECK(finish_chunk(link, view, chunk_bytes + 1).error() == proto::Errc::bad_value);
    CHECK(finish_chunk(link, ByteView(), chunk_bytes).error() == proto::Errc::bad_value);
    CHECK(finish_chunk(link, view.first(1), 0).error() == proto::Errc::bad_value);
    CHECK(finish_chunk(link, view.first(1), max_file_bytes + 1).error() == proto::Errc::bad_value);
    CHECK(finish_chunk(link, view.first(chunk_bytes), max_file_bytes));
    CHECK_FALSE(is_between(link, view, *next_link(link, view.first(chunk_bytes))));
    CHECK_FALSE(is_last_of(sha1_of({}), link, {}, max_file_bytes + 1));
}

TEST_CASE("a chunk may lie in several places") {
    const ByteVector bytes = content(2 * chunk_bytes);
    const ByteView one = ByteView(bytes).first(chunk_bytes),
                   other = ByteView(bytes).subspan(chunk_bytes);
    const Sha1Link link = first_link(), second = *next_link(link, one);
    const auto cut = [](ByteView whole, const std::vector<std::size_t>& at) {
        std::vector<ByteView> parts;
        for (const std::size_t size : at) {
            parts.push_back(whole.first(size));
            whole = whole.subspan(size);
        }
        parts.push_back(whole);
        return parts;
    };
    const std::vector<std::vector<std::size_t>> cuts{
        {}, {65536}, {65536, 65536}, {1, 63, 64, 1000}, {0, 100}};
    for (const auto& cut_a : cuts)
        for (const auto& cut_b : cuts) {
            const auto a = cut(one, cut_a), b = cut(other, cut_b);
            CHECK(*next_link(link, a) == second);
            CHECK(content_sum(a) == content_sum(one));
            CHECK(*finish_chunk(second, b, bytes.size()) == sha1_of(bytes));
            const auto both = next_links({link, a}, {second, b});
            CHECK(*both[0] == second);
            CHECK(*both[1] == *next_link(second, other));
        }
    const auto short_one = cut(one.first(chunk_bytes - 1), {65536});
    CHECK(next_link(link, short_one).error() == proto::Errc::bad_value);
    CHECK(next_links({link, short_one}, {link, short_one})[1].error() == proto::Errc::bad_value);
}

TEST_CASE("hashing goes on beyond what 32 bits of length can hold") {
    // No file of 5 GiB here: the padding alone shows that the high word of the length is used.
    const ByteVector bytes = content(1);
    const std::uint64_t low = 1, high = (std::uint64_t{5} << 30) + 1;
    CHECK(*finish_chunk(first_link(), bytes, low) != *finish_chunk(first_link(), bytes, high));
    CHECK(*finish_chunk(first_link(), bytes, high) !=
          *finish_chunk(first_link(), bytes, high + (std::uint64_t{1} << 32)));
}
