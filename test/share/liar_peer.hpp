// LiarPeer: a member of a channel that provides one file and lies about it in a chosen way. Made
// of the messages alone, so that it can say what a Share never would.
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "node/async/tasks.hpp"
#include "node/transport/connection.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/lookup/lookup.hpp"
#include "proto/transfer/transfer.hpp"

namespace kp2p::test {

enum class LiarLie {
    none,
    byte,      // alters one byte of the chunk `at`, or of each slice in it
    link,      // sends a wrong link with the chunk `at`
    size,      // claims one MiB more, and fills it with zeros
    stall,     // sends nothing from the chunk `at` on
    garbage,   // answers gets with bytes that are no message
    no_proof,  // shows a wrong proof of membership
    leave,     // the same as byte, and closes the connection right behind it
};
std::optional<LiarLie> liar_lie(std::string_view name);

class LiarPeer {
  public:
    LiarPeer(const ChannelKey& channel, const NodeId& own, ByteVector content, LiarLie lie,
             std::uint64_t at);

    Task<> serve(std::shared_ptr<Connection> connection);
    void be(LiarLie lie) { lie_ = lie; }  // from now on
    const Sha1& file() const { return file_; }
    std::uint64_t given_chunks() const { return given_; }  // sent whole, on all connections
    std::uint64_t given_slice_bytes() const { return given_slice_bytes_; }
    std::uint64_t opens() const { return opens_; }  // files it was asked for
    bool gives_slices = true;

  private:
    Task<> lookup(std::shared_ptr<Connection> connection);
    Task<> transfer(std::shared_ptr<Connection> connection);
    Task<Result<void>> answer(Connection& connection, MuxChannel& channel,
                              const proto::TransferMessage& message);
    Task<Result<void>> give(MuxChannel& channel, proto::Get get);
    Task<Result<void>> give_slice(MuxChannel& channel, proto::GetSlice get);
    std::uint64_t claimed_bytes() const;

    ChannelKey channel_;
    NodeId own_;
    ByteVector content_;
    LiarLie lie_;
    std::uint64_t at_;
    Sha1 file_;
    std::vector<Sha1Link> links_;
    std::uint64_t given_ = 0, given_slice_bytes_ = 0, opens_ = 0;
};

}  // namespace kp2p::test
