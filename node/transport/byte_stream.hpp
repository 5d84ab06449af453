// ByteStream: a reliable, flow-controlled stream of bytes in both directions, under a secure
// connection: a UDX stream, or in tests a pipe in memory. At most one read and one write wait at a
// time. After an error, or destroy(), everything fails.
#pragma once

#include <limits>
#include <memory>
#include <span>

#include "node/async/asio.hpp"
#include "node/transport/path.hpp"
#include "proto/bytes.hpp"
#include "proto/result.hpp"

namespace kp2p {

struct UdxPath;

class ByteStream {
  public:
    virtual ~ByteStream() = default;
    virtual Path path() const = 0;
    // Of it, for each message: without what has to be asked of the system.
    virtual Path::Kind path_kind() const = 0;
    virtual const UdxPath* udx_path() const { return nullptr; }  // as of now, if it has one
    // For how long nothing has come, not even word that something has arrived, though the other
    // side is to say so; none: it owes no answer.
    virtual std::optional<Clock::Span> unanswered() const { return std::nullopt; }
    // The same, where only word that something has arrived counts: what the other side sends may
    // get here, and what we send not there.
    virtual std::optional<Clock::Span> unacknowledged() const { return unanswered(); }
    // Waits until the other side is known to get what we send: somebody may get here, and nothing
    // from us there.
    virtual Task<Result<void>> heard() { co_return ok; }
    // Whether it is bound to an address that this computer does not have any more.
    virtual bool stranded() const { return false; }
    // What has arrived of what was written, what of it was sent again on the way, and whether more
    // is on its way; none where there is no telling.
    struct Sendings {
        std::uint64_t arrived_bytes = 0, resent_bytes = 0;
        bool under_way = false;
    };
    virtual std::optional<Sendings> sendings() const { return std::nullopt; }
    // As much as it makes sense to have waiting for write(), as what is put behind it comes late.
    virtual std::size_t queue_bytes() const { return std::numeric_limits<std::size_t>::max(); }
    // At least one byte, or 0 when the other side has ended.
    virtual Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into) = 0;
    // Returns when the bytes are taken over; waits while too many are on their way.
    virtual Task<Result<void>> write(ByteView bytes) = 0;
    // Ends our direction and waits until the other side has everything.
    virtual Task<Result<void>> finish() = 0;
    // Ends both directions at once; what is on its way may be lost.
    virtual void destroy() = 0;
};

}  // namespace kp2p
