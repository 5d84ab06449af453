// RangeFetch: gives the bytes of a file that is not here to a sink, from the front, without the
// whole file: searches for providers, opens the file at each, and moves the RangeDownload. Stores
// nothing. Runs once, in the frame of whoever awaits run().
#pragma once

#include <memory>

#include "node/share/fetch/fetch.hpp"
#include "proto/transfer/range_download.hpp"

namespace kp2p {

class RangeFetch {
  public:
    // `manifest` is taken for true. `hints`: nodes that are likely to have the file.
    RangeFetch(FetchParts parts, proto::Manifest manifest, ByteRange range,
               std::vector<NodeId> hints, Diagnosis& diagnosis);

    // Errc::not_found: no node that was found has all of the next part; Errc::verification_failed:
    // the same, and one was dropped for what it sent; Errc::timed_out: who gave has stopped; or the
    // sink's error.
    Task<Result<void>> run(ByteSink sink);
    std::uint64_t position() const { return download_.position(); }  // behind what the sink took

  private:
    Task<Result<void>> give(ByteSink sink);
    Task<Result<void>> await_more();
    bool hopeless() const;
    bool front_expected() const;
    std::error_code explain();

    void pump();
    void drop(const proto::RangeDownload::DropNode& drop);
    Task<> check(proto::RangeDownload::CheckPart job);
    Clock::Time now() const { return parts_.share.runtime.clock.now(); }

    FetchParts parts_;
    std::vector<NodeId> hints_;
    proto::RangeDownload download_;
    Tasks* tasks_ = nullptr;  // while it runs
    Event changed_;
    Providers providers_;
    Sources<proto::RangeDownload> sources_;
};

}  // namespace kp2p
