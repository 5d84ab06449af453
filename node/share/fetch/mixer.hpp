// Mixer: makes whole chunks for a download out of what readers of ranges have kept of them and what
// a source gives of the rest, so that nothing is fetched twice. To the download such a chunk comes
// from the source. What was kept is proven by a manifest only, and whose fault it is if the chunk
// turns out wrong cannot be said: it then comes whole from the source.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "node/async/tasks.hpp"
#include "node/share/fetch/sources.hpp"
#include "proto/transfer/download.hpp"

namespace kp2p {

class Mixer {
  public:
    using Key = proto::SourceKey;
    Mixer(Runtime& runtime, proto::Download& download, Sources<proto::Download>& sources,
          std::function<void()> pump)
        : runtime_(runtime), download_(download), sources_(sources), pump_(std::move(pump)) {}

    void mix_with(std::shared_ptr<const Partial> partial) { partial_ = std::move(partial); }
    void offers(Key source) { givers_.insert(source); }  // slices
    // Whether the chunk is being made; if not, it is to be asked for whole.
    bool ask(Tasks& tasks, const proto::Download::AskChunk& ask);
    // Whether it was, and will not come.
    bool call_off(const proto::Download::CallOff& off);
    void take(Key source, const proto::Slice& slice);
    void doubt(proto::ChunkIndex index) { doubted_.insert(index); }

  private:
    using ChunkKey = std::pair<Key, proto::ChunkIndex>;
    struct Making {
        Partial::Pieces pieces;
        std::map<std::uint64_t, std::uint64_t> awaited;  // slices, by offset: their lengths
        Sha1Link link;
    };
    Task<> make(proto::Download::AskChunk ask);
    void finish(const ChunkKey& key);

    Runtime& runtime_;
    proto::Download& download_;
    Sources<proto::Download>& sources_;
    std::function<void()> pump_;
    std::shared_ptr<const Partial> partial_;
    std::set<Key> givers_;
    std::set<proto::ChunkIndex> doubted_;
    std::map<ChunkKey, Making> making_;
};

}  // namespace kp2p
