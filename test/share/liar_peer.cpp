#include "test/share/liar_peer.hpp"

#include <openssl/evp.h>

#include "proto/file/links.hpp"
#include "proto/file/sha1_compress.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p::test {

std::optional<LiarLie> liar_lie(std::string_view name) {
    constexpr std::string_view names[] = {"none",  "byte",    "link",     "size",
                                          "stall", "garbage", "no-proof", "leave"};
    for (int i = 0; i < 8; ++i)
        if (names[i] == name) return static_cast<LiarLie>(i);
    return std::nullopt;
}

LiarPeer::LiarPeer(const ChannelKey& channel, const NodeId& own, ByteVector content, LiarLie lie,
                   std::uint64_t at)
    : channel_(channel), own_(own), content_(std::move(content)), lie_(lie), at_(at) {
    // By plain SHA-1, so that it has a content that an attack made under its name, too.
    EVP_Digest(content_.data(), content_.size(), file_.data(), nullptr, EVP_sha1(), nullptr);
    proto::Sha1State state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (std::uint64_t i = 0; i < proto::chunk_count(content_.size()); ++i) {
        Sha1Link& link = links_.emplace_back();
        for (std::size_t byte = 0; byte < Sha1Link::size_bytes; ++byte)
            link.data()[byte] = static_cast<std::uint8_t>(state[byte / 4] >> (24 - 8 * (byte % 4)));
        const std::uint64_t size = proto::chunk_size_bytes(content_.size(), i);
        proto::sha1_compressors().front().one(state, content_.data() + i * proto::chunk_bytes,
                                              size / proto::sha1_block_bytes);
    }
}

std::uint64_t LiarPeer::claimed_bytes() const {
    return content_.size() + (lie_ == LiarLie::size ? proto::chunk_bytes : 0);
}

Task<> LiarPeer::serve(std::shared_ptr<Connection> connection) {
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(lookup(connection));
        connection->on_open(proto::transfer_protocol, [&](const RemoteOpen&) {
            all.spawn(transfer(connection));
            return true;
        });
        auto ended = co_await connection->closed();
        (void)ended;
        connection->on_open(proto::transfer_protocol, {});
        all.cancel();
    };
    auto served = co_await with_tasks(body);
    (void)served;
}

Task<> LiarPeer::lookup(std::shared_ptr<Connection> connection) {
    const LookupId id = proto::lookup_id(channel_, connection->handshake_hash());
    MembershipProof proof =
        proto::membership_proof(channel_, connection->handshake_hash(), connection->role());
    if (lie_ == LiarLie::no_proof) proof = MembershipProof();
    ByteVector id_bytes(id.view().begin(), id.view().end());
    ByteVector proof_bytes(proof.view().begin(), proof.view().end());
    auto channel = co_await connection->open(proto::lookup_protocol, id_bytes, proof_bytes);
    if (!channel) co_return;
    for (;;) {
        auto got = co_await (*channel)->receive();
        if (!got) co_return;
        auto message = proto::decode_lookup(got->type, got->payload);
        if (!message) continue;
        const auto* seeking = std::get_if<proto::Seeking>(&*message);
        if (!seeking) continue;
        if (seeking->file == file_) {
            proto::Encoded providing =
                encode(proto::Providing{seeking->request, file_, claimed_bytes(), own_, true});
            auto sent = co_await (*channel)->send(providing.type, providing.payload);
            if (!sent) co_return;
        }
        proto::Encoded lacking = encode(proto::Lacking{seeking->request});
        auto sent = co_await (*channel)->send(lacking.type, lacking.payload);
        if (!sent) co_return;
    }
}

Task<> LiarPeer::transfer(std::shared_ptr<Connection> connection) {
    auto channel = co_await connection->open(proto::transfer_protocol, ByteVector(), ByteVector());
    if (!channel) co_return;
    for (;;) {
        auto got = co_await (*channel)->receive();
        if (!got) co_return;
        auto message = proto::decode_transfer(got->type, got->payload);
        if (!message) continue;
        auto answered = co_await answer(*connection, **channel, *message);
        if (!answered) co_return;
    }
}

Task<Result<void>> LiarPeer::answer(Connection& connection, MuxChannel& channel,
                                    const proto::TransferMessage& message) {
    if (const auto* get = std::get_if<proto::Get>(&message)) {
        auto given = co_await give(channel, *get);
        if (lie_ == LiarLie::leave && get->index == at_) connection.close();
        co_return given;
    }
    if (const auto* get = std::get_if<proto::GetSlice>(&message))
        co_return co_await give_slice(channel, *get);
    const auto* open = std::get_if<proto::Open>(&message);
    if (!open) co_return ok;
    ++opens_;
    proto::Encoded reply = encode(proto::Refused{open->id, proto::RefusalCode::not_found});
    if (open->file == file_)
        reply = encode(proto::Opened{open->id, claimed_bytes(), std::nullopt, gives_slices});
    co_return co_await channel.send(reply.type, reply.payload);
}

Task<Result<void>> LiarPeer::give_slice(MuxChannel& channel, proto::GetSlice get) {
    const std::uint64_t index = get.offset / proto::chunk_bytes;
    if (lie_ == LiarLie::stall && index <= at_) co_return ok;
    if (lie_ == LiarLie::garbage) {
        ByteVector garbage(3, 0xff);
        co_return co_await channel.send(proto::slice_type, garbage);
    }
    if (get.offset + get.length > content_.size()) co_return ok;
    const ByteView all = content_;
    const ByteView own = all.subspan(get.offset, get.length);
    ByteVector bytes(own.begin(), own.end());
    const bool byte = lie_ == LiarLie::byte || lie_ == LiarLie::leave;
    if (byte && index == at_) bytes[0] ^= 1;
    proto::Slice slice;
    slice.id = get.id;
    slice.offset = get.offset;
    slice.link = links_[index];
    slice.bytes = bytes;
    const proto::Encoded message = encode(slice);
    given_slice_bytes_ += bytes.size();
    co_return co_await channel.send(message.type, message.payload);
}

Task<Result<void>> LiarPeer::give(MuxChannel& channel, proto::Get get) {
    if (lie_ == LiarLie::stall && get.index <= at_) co_return ok;
    if (lie_ == LiarLie::garbage) {
        ByteVector garbage(3, 0xff);
        co_return co_await channel.send(proto::data_type, garbage);
    }
    const std::uint64_t claimed = claimed_bytes(), start = get.index * proto::chunk_bytes;
    if (start >= claimed) co_return ok;
    const ByteView all = content_;
    const ByteView there = all.subspan(std::min<std::uint64_t>(start, all.size()));
    ByteVector chunk(std::min(claimed - start, proto::chunk_bytes));
    std::copy_n(there.data(), std::min(chunk.size(), there.size()), chunk.data());
    Sha1Link link = get.index < links_.size() ? links_[get.index] : Sha1Link();
    const bool byte = lie_ == LiarLie::byte || lie_ == LiarLie::leave;
    if (byte && get.index == at_) chunk[chunk.size() / 2] ^= 1;
    if (lie_ == LiarLie::link && get.index == at_) link.data()[7] ^= 1;
    const proto::ChunkName name{get.id, get.index, link};
    auto blocks = proto::cut_chunk(name, chunk);
    for (const proto::Block& block : blocks) {
        auto sent = co_await channel.send(proto::data_type, block.head, block.bytes);
        if (!sent) co_return sent;
    }
    ++given_;
    co_return ok;
}

}  // namespace kp2p::test
