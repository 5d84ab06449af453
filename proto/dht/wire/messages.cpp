#include "proto/dht/wire/messages.hpp"

#include "proto/dht/wire/fields.hpp"

namespace kp2p::proto::dht {
namespace {

constexpr std::uint64_t peer_flag = 1, refresh_flag = 2, signature_flag = 4, bump_flag = 8;
constexpr std::size_t min_peer_bytes = NodeId::size_bytes + 1;

void write(Writer& writer, const PeerRecord& peer) {
    writer.fixed(peer.key);
    write_addresses(writer, peer.relays);
}

PeerRecord read_peer(Reader& reader) {
    PeerRecord peer;
    peer.key = reader.fixed<NodeId>();
    peer.relays = read_addresses(reader);
    return peer;
}

void write_signed(Writer& writer, std::uint64_t seq, ByteView value, const Signature& signature) {
    writer.uint(seq).buffer(value).fixed(signature);
}

template <class Message>
void read_signed(Reader& reader, Message& message) {
    message.seq = reader.uint();
    message.value = copy(reader.buffer());
    message.signature = reader.fixed<Signature>();
}

}  // namespace

ByteVector PeerRecord::encode() const {
    Writer writer;
    write(writer, *this);
    return writer.take();
}

Result<PeerRecord> PeerRecord::decode(ByteView bytes) {
    Reader reader(bytes);
    return finished(reader, read_peer(reader));
}

ByteVector Announce::encode() const {
    Writer writer;
    writer.uint((peer ? peer_flag : 0) | (refresh ? refresh_flag : 0) |
                (signature ? signature_flag : 0) | (bump ? bump_flag : 0));
    if (peer) write(writer, *peer);
    if (refresh) writer.fixed(*refresh);
    if (signature) writer.fixed(*signature);
    if (bump) writer.uint(bump);
    return writer.take();
}

Result<Announce> Announce::decode(ByteView bytes) {
    Reader reader(bytes);
    Announce announce;
    const std::uint64_t flags = reader.uint();
    if (flags & peer_flag) announce.peer = read_peer(reader);
    if (flags & refresh_flag) announce.refresh = reader.fixed<Refresh>();
    if (flags & signature_flag) announce.signature = reader.fixed<Signature>();
    if (flags & bump_flag) announce.bump = reader.uint();
    return finished(reader, std::move(announce));
}

ByteVector LookupReply::encode() const {
    Writer writer;
    writer.uint(peers.size());
    for (const PeerRecord& peer : peers) write(writer, peer);
    writer.uint(bump);
    return writer.take();
}

Result<LookupReply> LookupReply::decode(ByteView bytes) {
    Reader reader(bytes);
    LookupReply reply;
    const std::size_t count = reader.count(min_peer_bytes);
    reply.peers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) reply.peers.push_back(read_peer(reader));
    if (reader.left()) reply.bump = reader.uint();
    return finished(reader, std::move(reply));
}

ByteVector MutablePut::encode() const {
    Writer writer;
    writer.fixed(key);
    write_signed(writer, seq, value, signature);
    return writer.take();
}

Result<MutablePut> MutablePut::decode(ByteView bytes) {
    Reader reader(bytes);
    MutablePut put;
    put.key = reader.fixed<NodeId>();
    read_signed(reader, put);
    return finished(reader, std::move(put));
}

ByteVector MutableReply::encode() const {
    Writer writer;
    write_signed(writer, seq, value, signature);
    return writer.take();
}

Result<MutableReply> MutableReply::decode(ByteView bytes) {
    Reader reader(bytes);
    MutableReply reply;
    read_signed(reader, reply);
    return finished(reader, std::move(reply));
}

ByteVector PluginRequest::encode() const {
    Writer writer;
    writer.string(plugin).uint(version).uint(command).uint(value ? 1 : 0);
    if (value) writer.buffer(*value);
    return writer.take();
}

Result<PluginRequest> PluginRequest::decode(ByteView bytes) {
    Reader reader(bytes);
    PluginRequest request;
    request.plugin = reader.string();
    request.version = reader.uint();
    request.command = reader.uint();
    if (reader.uint() & 1) request.value = copy(reader.buffer());
    return finished(reader, std::move(request));
}

ByteVector encode_mutable_signable(std::uint64_t seq, ByteView value) {
    return Writer().uint(seq).buffer(value).take();
}

}  // namespace kp2p::proto::dht
