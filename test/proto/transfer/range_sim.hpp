// A range download, its providers and its reader in virtual time.
#pragma once

#include <limits>
#include <map>
#include <set>

#include "proto/transfer/range_download.hpp"
#include "test/proto/transfer/sim_providers.hpp"

namespace kp2p::test {

proto::Manifest manifest_of(const SimFile& file, std::uint64_t part_bytes);

class RangeSim {
  public:
    using Time = proto::RangeDownload::Time;

    RangeSim(const SimFile& file, std::uint64_t part_bytes, proto::FileRange range,
             std::vector<SimProvider> providers, std::uint32_t seed = 1);
    // Until it is complete, or nothing is about to happen, or an hour has passed.
    void run();
    void retire_at(double seconds, proto::SourceKey key);

    proto::RangeDownload download;
    SimProviders providers;
    std::map<proto::SourceKey, proto::SourceKey> same_node;  // as another source's: its key
    std::size_t reads_bytes = std::numeric_limits<std::size_t>::max();  // then it stops
    ByteVector read;
    std::map<proto::SourceKey, proto::Fault> dropped;  // by the key that its node has
    std::set<proto::SourceKey> stalled;
    std::multimap<proto::ChunkIndex, proto::SourceKey> asked_of;
    std::size_t called_off = 0;
    bool right() const;  // all that was read is the file's, from the start of the range

  private:
    NodeId node(proto::SourceKey key) const;
    void drain();
    void carry_out();

    const SimFile& file_;
    std::uint64_t start_;
};

}  // namespace kp2p::test
