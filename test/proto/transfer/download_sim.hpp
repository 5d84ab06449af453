// A download and its providers in virtual time.
#pragma once

#include <map>
#include <set>

#include "proto/transfer/download.hpp"
#include "test/proto/transfer/sim_providers.hpp"

namespace kp2p::test {

class DownloadSim {
  public:
    using Time = proto::Download::Time;

    DownloadSim(const SimFile& file, std::vector<SimProvider> providers, std::uint32_t seed);
    // Until it is complete, or no provider is left, or an hour has passed.
    void run();
    // What an earlier run has kept.
    void resume(const std::set<std::uint64_t>& kept);

    proto::Download download;
    SimProviders providers;
    double keeping_s = 0.01;                   // what keeping a chunk takes at most
    std::map<std::uint64_t, ByteVector> kept;  // by chunk
    std::map<proto::SourceKey, proto::Fault> dropped;
    std::set<proto::SourceKey> stalled;
    bool right() const;  // all that was kept is the file's

  private:
    void drain();
    void join(proto::SourceKey key);

    const SimFile& file_;
    std::size_t joined_ = 0;
};

}  // namespace kp2p::test
