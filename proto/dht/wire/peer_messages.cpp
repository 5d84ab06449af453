#include "proto/dht/wire/peer_messages.hpp"

#include "proto/dht/wire/fields.hpp"

namespace kp2p::proto::dht {
namespace {

constexpr std::uint64_t address_flag = 1, relay_flag = 2;
constexpr std::uint64_t payload_version = 1, reusable_socket_feature = 1,
                        large_datagrams_feature = 64;

template <class Enum>
std::uint64_t number(Enum value) {
    return static_cast<std::uint64_t>(value);
}

void write(Writer& writer, const NoisePayload::Holepunch& holepunch) {
    writer.uint(holepunch.id).uint(holepunch.relays.size());
    for (const auto& [relay, peer] : holepunch.relays) writer.addr4(relay).addr4(peer);
}

NoisePayload::Holepunch read_holepunch(Reader& reader) {
    NoisePayload::Holepunch holepunch;
    holepunch.id = reader.uint();
    holepunch.relays.resize(reader.count(12));
    for (auto& [relay, peer] : holepunch.relays) {
        relay = reader.addr4();
        peer = reader.addr4();
    }
    return holepunch;
}

void write(Writer& writer, const NoisePayload::Udx& udx) {
    writer.uint(udx.version);
    writer.uint((udx.reusable_socket ? reusable_socket_feature : 0) |
                (udx.large_datagrams ? large_datagrams_feature : 0));
    writer.uint(udx.id).uint(udx.seq);
}

NoisePayload::Udx read_udx(Reader& reader) {
    NoisePayload::Udx udx;
    udx.version = reader.uint();
    const std::uint64_t features = reader.uint();
    udx.reusable_socket = features & reusable_socket_feature;
    udx.large_datagrams = features & large_datagrams_feature;
    udx.id = reader.uint();
    udx.seq = reader.uint();
    return udx;
}

NoisePayload::RelayThrough read_relay_through(Reader& reader) {
    NoisePayload::RelayThrough relay;
    relay.version = reader.uint();
    reader.uint();  // flags, none defined
    relay.key = reader.fixed<NodeId>();
    relay.token = reader.fixed<Token>();
    return relay;
}

}  // namespace

ByteVector PeerHandshake::encode() const {
    Writer writer;
    writer.uint((peer ? address_flag : 0) | (relay ? relay_flag : 0))
        .uint(number(mode))
        .buffer(noise);
    if (peer) writer.addr4(*peer);
    if (relay) writer.addr4(*relay);
    return writer.take();
}

Result<PeerHandshake> PeerHandshake::decode(ByteView bytes) {
    Reader reader(bytes);
    PeerHandshake handshake;
    const std::uint64_t flags = reader.uint();
    handshake.mode = Mode(reader.uint());
    handshake.noise = copy(reader.buffer());
    if (flags & address_flag) handshake.peer = reader.addr4();
    if (flags & relay_flag) handshake.relay = reader.addr4();
    return finished(reader, std::move(handshake));
}

ByteVector PeerHolepunch::encode() const {
    Writer writer;
    writer.uint(peer ? address_flag : 0).uint(number(mode)).uint(id).buffer(payload);
    if (peer) writer.addr4(*peer);
    return writer.take();
}

Result<PeerHolepunch> PeerHolepunch::decode(ByteView bytes) {
    Reader reader(bytes);
    PeerHolepunch holepunch;
    const std::uint64_t flags = reader.uint();
    holepunch.mode = Mode(reader.uint());
    holepunch.id = reader.uint();
    holepunch.payload = copy(reader.buffer());
    if (flags & address_flag) holepunch.peer = reader.addr4();
    return finished(reader, std::move(holepunch));
}

ByteVector NoisePayload::encode() const {
    Writer writer;
    writer.uint(payload_version);
    writer.uint((holepunch ? 1 : 0) | (addresses4.empty() ? 0 : 2) | (addresses6.empty() ? 0 : 4) |
                (udx ? 8 : 0) | (secret_stream_version ? 16 : 0) | (relay_through ? 32 : 0) |
                (relay_addresses ? 64 : 0));
    writer.uint(number(error)).uint(number(firewall));
    if (holepunch) write(writer, *holepunch);
    if (!addresses4.empty()) write_addresses(writer, addresses4);
    if (!addresses6.empty()) write_addresses6(writer, addresses6);
    if (udx) write(writer, *udx);
    if (secret_stream_version) writer.uint(*secret_stream_version);
    if (relay_through)
        writer.uint(relay_through->version)
            .uint(0)
            .fixed(relay_through->key)
            .fixed(relay_through->token);
    if (relay_addresses) write_addresses(writer, *relay_addresses);
    return writer.take();
}

Result<NoisePayload> NoisePayload::decode(ByteView bytes) {
    Reader reader(bytes);
    NoisePayload payload;
    payload.version = reader.uint();
    if (payload.version != payload_version) return finished(reader, std::move(payload));
    const std::uint64_t flags = reader.uint();
    payload.error = PeerError(reader.uint());
    payload.firewall = Firewall(reader.uint());
    if (flags & 1) payload.holepunch = read_holepunch(reader);
    if (flags & 2) payload.addresses4 = read_addresses(reader);
    if (flags & 4) payload.addresses6 = read_addresses6(reader);
    if (flags & 8) payload.udx = read_udx(reader);
    if (flags & 16) payload.secret_stream_version = reader.uint();
    if (flags & 32) payload.relay_through = read_relay_through(reader);
    if (flags & 64) payload.relay_addresses = read_addresses(reader);
    return finished(reader, std::move(payload));
}

ByteVector HolepunchPayload::encode() const {
    Writer writer;
    writer.uint((connected ? 1 : 0) | (punching ? 2 : 0) | (addresses ? 4 : 0) |
                (remote_address ? 8 : 0) | (token ? 16 : 0) | (remote_token ? 32 : 0));
    writer.uint(number(error)).uint(number(firewall)).uint(round);
    if (addresses) write_addresses(writer, *addresses);
    if (remote_address) writer.addr4(*remote_address);
    if (token) writer.fixed(*token);
    if (remote_token) writer.fixed(*remote_token);
    return writer.take();
}

Result<HolepunchPayload> HolepunchPayload::decode(ByteView bytes) {
    Reader reader(bytes);
    HolepunchPayload payload;
    const std::uint64_t flags = reader.uint();
    payload.connected = flags & 1;
    payload.punching = flags & 2;
    payload.error = PeerError(reader.uint());
    payload.firewall = Firewall(reader.uint());
    payload.round = reader.uint();
    if (flags & 4) payload.addresses = read_addresses(reader);
    if (flags & 8) payload.remote_address = reader.addr4();
    if (flags & 16) payload.token = reader.fixed<Token>();
    if (flags & 32) payload.remote_token = reader.fixed<Token>();
    return finished(reader, std::move(payload));
}

}  // namespace kp2p::proto::dht
