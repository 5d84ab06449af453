// Records: how a connection's messages are laid, encrypted, into its byte stream, one direction
// each. Both are independent of each other, and neither copies: the sealer encrypts into the
// caller's buffer, the opener decrypts in place in the buffer that the caller received into, or
// from there to where a long message can stay.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>

#include "proto/bytes.hpp"
#include "proto/result.hpp"

namespace kp2p::proto {

class Sealer {
  public:
    virtual ~Sealer() = default;
    // Appends what comes before the first message; called once, first.
    virtual void begin(BulkBytes& out) = 0;
    // Appends one message, the concatenation of `parts`, which together are no longer than the
    // format can say (asserted). No parts: a keepalive.
    virtual void seal(std::span<const ByteView> parts, BulkBytes& out) = 0;
};

// Shape: receive into room(), say received(n), then next() until it is empty; and again.
// After an error the stream is dead. Memory grows only with bytes that have arrived.
class Opener {
  public:
    virtual ~Opener() = default;
    // Messages whose frames are longer are Errc::too_long.
    virtual void set_max_frame_bytes(std::size_t limit) = 0;
    virtual std::size_t max_frame_bytes() const = 0;
    virtual std::span<std::uint8_t> room() = 0;      // never empty; valid until the next call
    virtual void received(std::size_t n_bytes) = 0;  // of room()
    // The next message, empty ones left out; valid until room() is called.
    virtual Result<std::optional<ByteView>> next() = 0;
    // Makes the message that next() has just given valid for as long as the result is held; null
    // if it is not of those that lie by themselves, as long ones may.
    virtual std::shared_ptr<const void> keep() { return nullptr; }
    // Whether the other side has shown that it has the keys. Takes no message.
    virtual Result<bool> opened() = 0;
};

struct Records {
    std::unique_ptr<Sealer> sealer;
    std::unique_ptr<Opener> opener;
    std::chrono::seconds keepalive;  // without writes for so long a side writes an empty message
    // Of the other side, whose keepalives are sure to come: then the stream carries nothing any
    // more; zero: they are not.
    std::chrono::seconds max_silence{0};
};

}  // namespace kp2p::proto
