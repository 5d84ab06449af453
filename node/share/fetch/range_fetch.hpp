// RangeFetch and PieceFetch: give the bytes of parts of a file that is not here to a sink, in
// order, without the whole file: search for providers, open the file at each, and move the
// RangeDownload or PieceDownload. Store nothing. Each runs once, in the frame of whoever awaits
// run().
#pragma once

#include <memory>

#include "node/share/fetch/fetch.hpp"
#include "proto/transfer/piece_download.hpp"
#include "proto/transfer/range_download.hpp"

namespace kp2p {

template <class Download>
class PartFetch {
  public:
    // `hints`: nodes that are likely to have the file; with some, the search waits a moment.
    PartFetch(FetchParts parts, const Sha1& file, Download download, std::vector<NodeId> hints,
              Diagnosis& diagnosis);

    // Errc::not_found: no node that was found has all of the next part; Errc::verification_failed:
    // the same, and one was dropped for what it sent; Errc::timed_out: who gave has stopped; or the
    // sink's error.
    Task<Result<void>> run(ByteSink sink);
    std::uint64_t position() const { return download_.position(); }  // behind what the sink took
    std::vector<NodeId> givers() const { return providers_.givers(); }

  private:
    Task<Result<void>> give(ByteSink sink);
    Task<Result<void>> await_more();
    bool hopeless() const;
    bool front_expected() const;
    std::error_code explain();

    void pump();
    void drop(const typename Download::DropNode& drop);
    Task<> check(proto::RangeDownload::CheckPart job);
    Clock::Time now() const { return parts_.share.runtime.clock.now(); }

    FetchParts parts_;
    std::vector<NodeId> hints_;
    Download download_;
    Tasks* tasks_ = nullptr;  // while it runs
    Event changed_;
    Providers providers_;
    Sources<Download> sources_;
};

using RangeFetch = PartFetch<proto::RangeDownload>;
using PieceFetch = PartFetch<proto::PieceDownload>;

}  // namespace kp2p
