#include "node/reach/tcp_handshake.hpp"

#include "node/reach/twin.hpp"
#include "proto/compact.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr std::string_view tcp_prologue = "kp2p/tcp/1";

proto::Noise tcp_noise(Random& random, const proto::KeyPair& local, proto::Role role,
                       const std::optional<NodeId>& remote) {
    return proto::Noise({.pattern = proto::NoisePattern::ik,
                         .role = role,
                         .local = local,
                         .ephemeral = proto::KeyPair::from_seed(random.bytes<proto::Seed>()),
                         .prologue = as_bytes(tcp_prologue),
                         .remote = remote});
}

Task<Result<void>> read_exactly(ByteStream& stream, std::span<std::uint8_t> into) {
    while (!into.empty()) {
        auto size = co_await stream.read_some(into);
        if (!size) co_return size.error();
        if (*size == 0) co_return Errc::closed;
        into = into.subspan(*size);
    }
    co_return ok;
}

Task<Result<ByteVector>> read_message(ByteStream& stream) {
    std::array<std::uint8_t, 2> head;
    auto begun = co_await read_exactly(stream, head);
    if (!begun) co_return begun.error();
    const std::size_t size = head[0] | std::size_t{head[1]} << 8;
    if (size > max_handshake_message_bytes) co_return proto::Errc::too_long;
    ByteVector message(size);
    auto whole = co_await read_exactly(stream, message);
    if (!whole) co_return whole.error();
    co_return message;
}

Task<Result<void>> write_message(ByteStream& stream, ByteVector message) {
    const ByteVector bytes =
        proto::Writer().u16(static_cast<std::uint16_t>(message.size())).raw(message).take();
    co_return co_await stream.write(bytes);
}

}  // namespace

Task<Result<proto::NoiseKeys>> greet_over(ByteStream& stream, Random& random,
                                          const proto::KeyPair& local, const NodeId& remote,
                                          Twin* twin) {
    proto::Noise noise = tcp_noise(random, local, proto::Role::initiator, remote);
    auto greeting = noise.write({});
    if (!greeting) co_return greeting.error();
    if (twin) twin->sent(*greeting);
    auto written = co_await write_message(stream, *std::move(greeting));
    if (!written) co_return written.error();
    auto answer = co_await read_message(stream);
    if (!answer) co_return answer.error();
    auto read = noise.read(*answer);
    if (!read) co_return read.error();
    co_return noise.keys();
}

Task<Result<proto::NoiseKeys>> answer_over(ByteStream& stream, Answering by) {
    auto greeting = co_await read_message(stream);
    if (!greeting) co_return greeting.error();
    if (!by.may_cost()) co_return Errc::limit_reached;
    proto::Noise noise = tcp_noise(by.random, by.local, proto::Role::responder, std::nullopt);
    auto read = noise.read(*greeting);
    if (!read) co_return read.error();
    const bool is_twin =
        *noise.remote() == by.local.public_key() && by.twin && !by.twin->is_ours(*greeting);
    if (is_twin)
        by.twin->seen(stream.path().remote.host.text());
    else if (!by.welcome(*noise.remote()))
        co_return Errc::refused;
    auto answer = noise.write({});
    if (!answer) co_return answer.error();
    auto written = co_await write_message(stream, *std::move(answer));
    if (!written) co_return written.error();
    if (is_twin) co_return Errc::refused;
    co_return noise.keys();
}

}  // namespace kp2p
