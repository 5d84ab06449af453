#include "proto/tunnel/frame.hpp"

#include <cstring>

#include "proto/compact.hpp"

namespace kp2p::proto::tunnel {
namespace {

enum class FrameType : std::uint8_t { datagram = 0, allocated = 1, keep_alive = 2, end = 3 };

constexpr std::size_t length_bytes = 2;

struct BodyWriter {
    Writer& to;

    void operator()(const DatagramFrame& frame) {
        to.u8(std::uint8_t(FrameType::datagram)).u8(frame.ttl).addr6(frame.peer).raw(frame.bytes);
    }
    void operator()(const Allocated& frame) {
        to.u8(std::uint8_t(FrameType::allocated)).addr6(frame.address).fixed(frame.key);
    }
    void operator()(const KeepAlive&) { to.u8(std::uint8_t(FrameType::keep_alive)); }
    void operator()(const End& frame) {
        to.u8(std::uint8_t(FrameType::end)).u8(std::uint8_t(frame.code));
    }
};

// Nothing: of a type that is not known.
Result<std::optional<Frame>> decode_frame(ByteView bytes) {
    Reader reader(bytes);
    std::optional<Frame> frame;
    switch (FrameType(reader.u8())) {
        case FrameType::datagram: {
            DatagramFrame datagram;
            datagram.ttl = reader.u8();
            datagram.peer = reader.addr6();
            datagram.bytes = reader.rest();
            frame = datagram;
            break;
        }
        case FrameType::allocated: {
            Allocated allocated;
            allocated.address = reader.addr6();
            allocated.key = reader.fixed<Key>();
            frame = allocated;
            break;
        }
        case FrameType::keep_alive:
            frame = KeepAlive{};
            break;
        case FrameType::end:
            frame = End{End::Code(reader.u8())};
            break;
    }
    auto read = reader.finish();
    if (!read) return read.error();
    return frame;
}

}  // namespace

void append(ByteVector& to, const Frame& frame) {
    const auto* datagram = std::get_if<DatagramFrame>(&frame);
    if (datagram && datagram->bytes.size() > max_datagram_bytes) return;
    Writer body;
    std::visit(BodyWriter{body}, frame);
    const std::size_t size = body.bytes().size();
    to.push_back(std::uint8_t(size & 0xff));
    to.push_back(std::uint8_t(size >> 8));
    to.insert(to.end(), body.bytes().begin(), body.bytes().end());
}

std::span<std::uint8_t> FrameReader::room() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    return {buffer_.data() + end_, buffer_.size() - end_};
}

Result<std::optional<Frame>> FrameReader::next() {
    for (;;) {
        const ByteView left(buffer_.data() + begin_, end_ - begin_);
        if (left.size() < length_bytes) return std::optional<Frame>();
        const std::size_t size = left[0] | std::size_t(left[1]) << 8;
        if (size > max_frame_bytes) return Errc::too_long;
        if (left.size() < length_bytes + size) return std::optional<Frame>();
        auto frame = decode_frame(left.subspan(length_bytes, size));
        if (!frame) return frame.error();
        begin_ += length_bytes + size;
        if (*frame) return frame;
    }
}

}  // namespace kp2p::proto::tunnel
