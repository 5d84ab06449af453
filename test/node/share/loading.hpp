// What a test asks of a node's Share, and what it is given and told.
#pragma once

#include "test/node/share/fake_network.hpp"
#include "test/share/liar_peer.hpp"

namespace kp2p::test {

struct Outcome {
    Result<std::filesystem::path> path;
    Diagnosis diagnosis;
    bool over = false;
    bool says(const std::string& words) const {
        return diagnosis.text().find(words) != std::string::npos;
    }
};

inline Task<> load(FakeNode& node, Sha1 file, Outcome& outcome) {
    auto path = co_await node.share.load(uri_of(file), ProgressSink(), outcome.diagnosis);
    outcome.path = path;
    outcome.over = true;
}

struct Got {
    ByteVector bytes;
    std::uint64_t given_at_first = 0;  // chunks, by the provider, when the first bytes came
    Result<void> ended = Errc::canceled;
    Diagnosis diagnosis;
};

inline Task<> cat(FakeNode& node, proto::Uri uri, Got& got, ByteRange range = ByteRange(),
                  const LiarPeer* provider = nullptr) {
    ByteSink sink = [&got, provider](ByteView part) -> Task<Result<void>> {
        if (got.bytes.empty() && provider) got.given_at_first = provider->given_chunks();
        got.bytes.insert(got.bytes.end(), part.begin(), part.end());
        co_return ok;
    };
    std::vector<ByteRange> ranges{range};
    auto ended = co_await node.share.cat(uri, ranges, sink, got.diagnosis);
    got.ended = ended;
}

}  // namespace kp2p::test
