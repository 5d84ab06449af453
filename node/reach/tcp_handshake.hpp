// The handshake over a stream that anybody may have opened (proto/PROTOCOL.md, "Over TCP"): Noise
// IK with the nodes' keys, a message each way.
//   message := length:u16 noise:length     little-endian, at most max_handshake_message_bytes
// Takes no byte more than the message, so what follows is there for the records. No limit of time
// of its own.
#pragma once

#include <functional>

#include "node/async/random.hpp"
#include "node/transport/byte_stream.hpp"
#include "proto/crypto/noise.hpp"

namespace kp2p {

class Twin;

constexpr std::size_t max_handshake_message_bytes = 1024;

// The keys, and that it is `remote`, are proven when it returns. `twin`, if there is one, is told
// what is sent: where `remote` is our own key.
Task<Result<proto::NoiseKeys>> greet_over(ByteStream& stream, Random& random,
                                          const proto::KeyPair& local, const NodeId& remote,
                                          Twin* twin = nullptr);

// Writes nothing before the other side has shown that it knows our key and has one that is welcome:
// Errc::refused if it is not. The message may be a repeated one; the first record shows that it is
// not. Our own key's is answered, and Errc::refused, if it is a twin's.
struct Answering {
    Random& random;
    const proto::KeyPair& local;
    std::function<bool()> may_cost;  // asked when a message has come, before it is worked on
    const std::function<bool(const NodeId&)>& welcome;
    Twin* twin = nullptr;  // null: nobody wants to know
};
Task<Result<proto::NoiseKeys>> answer_over(ByteStream& stream, Answering by);

}  // namespace kp2p
