// A file being downloaded into a storage: its content and the chunks that prove it.
#pragma once

#include <doctest/doctest.h>

#include "node/store/store.hpp"
#include "test/files.hpp"
#include "test/proto/file/content.hpp"
#include "test/temp_dir.hpp"

namespace kp2p::test {

struct Download {
    ByteVector bytes;
    Sha1 sha1;
    std::vector<proto::StoredChunk> chunks;
    TempDir directory;
    Layout layout{directory.path()};
    Store store = *Store::open(directory.path());

    explicit Download(std::size_t size) : bytes(content(size)) {
        proto::LinkHasher hasher;
        hasher.update(bytes);
        sha1 = hasher.finish();
        for (std::size_t i = 0; i < hasher.links().size(); ++i)
            chunks.push_back({i, hasher.links()[i], {}});
        for (std::size_t i = 0; i + 1 < chunks.size(); ++i) chunks[i].next = chunks[i + 1].link;
    }
    ByteView chunk(std::uint64_t index) const {
        return ByteView(bytes).subspan(index * proto::chunk_bytes,
                                       proto::chunk_size_bytes(bytes.size(), index));
    }
    std::unique_ptr<Partial> open() const {
        auto partial = store.open_partial(sha1, bytes.size());
        REQUIRE(partial);
        while (!(*partial)->ready()) REQUIRE((*partial)->prepare());
        return std::move(*partial);
    }
    std::unique_ptr<Partial> resume() const {
        auto partial = store.resume_partial(sha1);
        REQUIRE(partial);
        while (*partial && !(*partial)->ready()) REQUIRE((*partial)->prepare());
        return std::move(*partial);
    }
    std::filesystem::path journal() const {
        return layout.partials() / (sha1.hex() + ".0.journal");
    }
    std::filesystem::path data() const { return layout.partials() / (sha1.hex() + ".0.data"); }
};

}  // namespace kp2p::test
