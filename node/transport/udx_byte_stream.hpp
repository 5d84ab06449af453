// UdxByteStream: a UDX stream as a ByteStream. Made first, so that its id can be told to the peer;
// connected when a path to the peer is known.
#pragma once

#include "node/transport/byte_stream.hpp"
#include "node/udx/udx_stream.hpp"

namespace kp2p {

// What the peer said of its end.
struct UdxPeer {
    std::uint32_t id = 0;
    bool large_datagrams = false;
};

class UdxByteStream final : public ByteStream {
  public:
    // For those who do not own it: null when it is gone.
    using Handle = std::shared_ptr<UdxByteStream*>;

    explicit UdxByteStream(UdxContext& context) : stream_(context) {}
    ~UdxByteStream() override { *self_ = nullptr; }
    Handle handle() const { return self_; }

    std::uint32_t id() const { return stream_.id(); }
    // Called for packets of the peer that arrive before connect(), which show a path.
    void on_path(std::function<void(const UdxPath&)> found);
    void keep_paths(UdxStream::Keep keep) { stream_.keep_paths(std::move(keep)); }
    void connect(const UdxPath& path, const UdxPeer& peer);
    // See UdxStream.
    void change_remote(const UdxPath& path) { stream_.change_remote(path); }
    bool relayed() const { return stream_.path().relay_id.has_value(); }

    Path path() const override;
    Path::Kind path_kind() const override;
    const UdxPath* udx_path() const override { return &stream_.path(); }
    std::optional<Clock::Span> unanswered() const override { return stream_.unanswered(); }
    std::optional<Clock::Span> unacknowledged() const override { return stream_.unacknowledged(); }
    Task<Result<void>> heard() override { return stream_.heard(); }
    // Beside what waits in the stream, which never runs dry so.
    std::size_t queue_bytes() const override { return 2 * stream_.queue_bytes(); }
    Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into) override {
        return stream_.read_some(into);
    }
    Task<Result<void>> write(ByteView bytes) override { return stream_.write(bytes); }
    Task<Result<void>> finish() override { return stream_.finish(); }
    void destroy() override { stream_.destroy(); }

  private:
    UdxStream stream_;
    Handle self_ = std::make_shared<UdxByteStream*>(this);
};

}  // namespace kp2p
