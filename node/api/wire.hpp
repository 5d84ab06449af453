// Wire: the bytes of one connection to the API, whatever it runs over. Holds what was read and not
// yet used (at most input_bytes, none while it waits for a request), and what was offered and not
// yet taken (at most max_unsent_bytes). One coroutine reads and one writes at a time.
#pragma once

#include <array>
#include <asio/generic/stream_protocol.hpp>
#include <string>
#include <vector>

#include "node/async/asio.hpp"
#include "proto/bytes.hpp"

namespace kp2p {

class Wire {
  public:
    using Socket = asio::generic::stream_protocol::socket;
    static constexpr std::size_t input_bytes = 32 << 10;
    static constexpr std::size_t max_unsent_bytes = 256 << 10;

    explicit Wire(Socket socket);
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;
    ~Wire() { close(); }

    ByteView input() const { return ByteView(input_).subspan(begin_, end_ - begin_); }
    bool is_quiet() const;  // nothing has come that is not used yet
    void consume(std::size_t size) { begin_ += size; }
    // Returns when there is input, and needs no memory until then.
    Task<Result<void>> wait_for_input();
    // Adds to the input. Errc::limit_reached when all of it is still unused; Errc::closed when the
    // other end has gone, or will send no more.
    Task<Result<void>> fill();
    // Returns when the other end has gone, or this was cancelled.
    Task<> wait_until_gone();

    // Waits for a slow reader. After an error, nothing more is sent.
    using Pieces = std::array<ByteView, 3>;  // one after the other
    Task<Result<void>> write(Pieces pieces);
    Task<Result<void>> write(std::string text);
    // Never waits: what the other end does not take at once goes with the next write or offer.
    // False when it reads so slowly that there is no room.
    bool offer(std::string_view text);
    // Sends nothing more, and waits until the other end has closed too, for as long as it sends
    // no more than `max_bytes`: else the system throws away what it has not read yet.
    Task<> part(std::size_t max_bytes);
    void close();  // what waits above returns with an error

  private:
    Socket socket_;
    std::vector<std::uint8_t> input_;
    std::size_t begin_ = 0, end_ = 0;  // of the input in it
    std::string unsent_;
    bool writing_ = false, broken_ = false;
};

}  // namespace kp2p
