// The frames of a datagram tunnel: what a relay and its client say to each other once a request was
// upgraded, over a stream of bytes. Integers are little-endian. Source: proto/PROTOCOL.md,
// section 9.
//   frame     := length:u16 type:u8 body          length counts type and body, at most
//   max_frame_bytes 0 datagram   := ttl:u8 peer:addr6 bytes       to, or from, the peer; ttl 0: the
//   usual one 1 allocated  := address:addr6 key:16          by the relay, once, before all else 2
//   keep-alive :=                               when nothing else was to be said for some time 3
//   end        := code:u8                       by the relay: why it ends what follows no more
// Frames of other types are skipped, and so is what a body has at its end that is not known.
#pragma once

#include <optional>
#include <variant>

#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

namespace kp2p::proto::tunnel {

inline constexpr char protocol_name[] = "kp2p-tunnel/1";  // in the header field Upgrade
inline constexpr std::size_t max_datagram_bytes = 1500;
inline constexpr std::size_t max_frame_bytes = 2048;

// What a client shows to get its port back.
using Key = Bytes<struct TunnelKeyTag, 16>;

struct DatagramFrame {
    Endpoint peer;
    ByteView bytes;
    std::uint8_t ttl = 0;
};
struct Allocated {
    Endpoint address;  // of the client's UDP port, as the relay knows it
    Key key;
};
struct KeepAlive {};
struct End {
    enum class Code : std::uint8_t {
        stopping = 0,  // the sender is
        replaced = 1,  // the client has come again
        malformed = 2  // what the other side sent is no frame
    };
    Code code = Code::stopping;  // or one of a later version
};
using Frame = std::variant<DatagramFrame, Allocated, KeepAlive, End>;

// Appends it. A datagram of more than max_datagram_bytes is left out.
void append(ByteVector& to, const Frame& frame);

// Finds the frames in a stream. Shape: fill room(), tell how much with filled(), next() until there
// is none.
class FrameReader {
  public:
    FrameReader() : buffer_(buffer_bytes) {}

    std::span<std::uint8_t> room();
    void filled(std::size_t size) { end_ += size; }
    // Nothing: the next one is not whole yet. Valid until room() is called. Errc::too_long and
    // Errc::truncated (a body that ends too early) are final.
    Result<std::optional<Frame>> next();

  private:
    static constexpr std::size_t buffer_bytes = 64 << 10;

    BulkBytes buffer_;
    std::size_t begin_ = 0, end_ = 0;
};

}  // namespace kp2p::proto::tunnel
