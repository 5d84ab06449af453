// Messages of the Protomux protocol kp2p/transfer/1: chunks of files. Source: proto/PROTOCOL.md,
// section 5.
//   0 open     := id:uint file:20                                   requester to provider
//   1 opened   := id:uint size:uint flags:u8 have:buffer?           provider to requester
//   2 get      := id:uint index:uint                                requester
//   3 data     := id:uint index:uint offset:uint encoding:u8 link:20? bytes        provider
//   4 have     := id:uint index:uint                                provider
//   5 cancel   := id:uint index:uint                                requester
//   6 canceled := id:uint index:uint                                provider
//   7 refused  := id:uint code:uint                                 provider
//   8 close    := id:uint                                           requester
//   9 preparing := id:uint                                          provider
//  10 get slice := id:uint offset:uint length:uint                  requester
//  11 slice     := id:uint offset:uint encoding:u8 link:20 bytes    provider
//  12 want last := id:uint                                          requester
//  13 unproven := id:uint index:uint                                provider
//  14 get files := id:uint count:uint file:20 each                  requester
//  15 file      := id:uint number:uint size:uint (encoding:u8 bytes)?             provider
// opened: flags bit 0 = complete; else `have` follows, bit i of it (least significant first) tells
// that chunk i is there; bit 1 = gives slices; bit 2 = the last chunk follows; bit 3 = gives files.
// data: link is there when offset is 0; bytes go to the end of the payload. A slice lies in one
// chunk, whose link it brings; its offset is in the file.
#pragma once

#include <optional>
#include <tuple>
#include <variant>
#include <vector>

#include "proto/encoded.hpp"

namespace kp2p::proto {

inline constexpr char transfer_protocol[] = "kp2p/transfer/1";
inline constexpr std::size_t block_bytes = 64 * 1024;  // of a chunk, before compression
inline constexpr std::size_t max_have_bytes = 1 << 20;
// That a provider grants a connection: those of one directory that is loaded, and some.
inline constexpr std::size_t max_open_files = 32;
inline constexpr std::size_t max_outstanding_gets = 4096;  // the same, over all its files

// Of one get files, each of at most block_bytes; and how many of these may be unanswered.
inline constexpr std::size_t max_files_at_once = 64, max_file_batches = 4;

inline constexpr std::uint64_t data_type = 3, slice_type = 11, file_type = 15;

using FileId = std::uint64_t;      // chosen by the requester, its own on each connection
using ChunkIndex = std::uint64_t;  // of 1 MiB

enum class RefusalCode : std::uint64_t {
    not_found = 1,    // the provider does not hold the file
    limit = 2,        // too many open files or outstanding gets
    unavailable = 3,  // the file changed or cannot be read
    no_chunk = 4,     // a get for a chunk that the provider does not have
};

// Each has the file's id, which is of the requester's choosing, and says who sends it. What is no
// more than a row of fields says which; it needs no codec of its own.
struct Open {
    static constexpr bool of_provider = false;
    FileId id = 0;
    Sha1 file;
    static auto fields(auto& m) { return std::tie(m.id, m.file); }
    friend bool operator==(const Open&, const Open&) = default;
};
struct Opened {
    static constexpr bool of_provider = true;
    FileId id = 0;
    std::uint64_t size_bytes = 0;
    std::optional<ByteVector> have;  // absent: complete
    bool slices = false;             // may be asked for
    bool last_follows = false;       // the last chunk, as if it had been asked for
    bool files = false;              // may be asked for, several at once
    friend bool operator==(const Opened&, const Opened&) = default;
};
struct Get {
    static constexpr bool of_provider = false;
    FileId id = 0;
    ChunkIndex index = 0;
    static auto fields(auto& m) { return std::tie(m.id, m.index); }
    friend bool operator==(const Get&, const Get&) = default;
};
enum class BlockEncoding : std::uint8_t { plain = 0, zstd = 1 };
struct Data {
    static constexpr bool of_provider = true;
    FileId id = 0;
    ChunkIndex index = 0;
    std::uint64_t offset = 0;  // in the chunk, a multiple of block_bytes
    BlockEncoding encoding = BlockEncoding::plain;
    Sha1Link link;   // of the chunk, in the block at offset 0
    ByteView bytes;  // in the payload that was decoded
};
struct Have {
    static constexpr bool of_provider = true;
    FileId id = 0;
    ChunkIndex index = 0;
    static auto fields(auto& m) { return std::tie(m.id, m.index); }
    friend bool operator==(const Have&, const Have&) = default;
};
struct Cancel {
    static constexpr bool of_provider = false;
    FileId id = 0;
    ChunkIndex index = 0;
    static auto fields(auto& m) { return std::tie(m.id, m.index); }
    friend bool operator==(const Cancel&, const Cancel&) = default;
};
struct Canceled {
    static constexpr bool of_provider = true;
    FileId id = 0;
    ChunkIndex index = 0;
    static auto fields(auto& m) { return std::tie(m.id, m.index); }
    friend bool operator==(const Canceled&, const Canceled&) = default;
};
struct Refused {
    static constexpr bool of_provider = true;
    FileId id = 0;
    RefusalCode code = RefusalCode::not_found;  // others may come from a newer version
    static auto fields(auto& m) { return std::tie(m.id, m.code); }
    friend bool operator==(const Refused&, const Refused&) = default;
};
struct Close {
    static constexpr bool of_provider = false;
    FileId id = 0;
    static auto fields(auto& m) { return std::tie(m.id); }
    friend bool operator==(const Close&, const Close&) = default;
};
struct Preparing {
    static constexpr bool of_provider = true;
    FileId id = 0;
    static auto fields(auto& m) { return std::tie(m.id); }
    friend bool operator==(const Preparing&, const Preparing&) = default;
};
struct GetSlice {
    static constexpr bool of_provider = false;
    FileId id = 0;
    std::uint64_t offset = 0, length = 0;  // length: 1 to block_bytes
    static auto fields(auto& m) { return std::tie(m.id, m.offset, m.length); }
    friend bool operator==(const GetSlice&, const GetSlice&) = default;
};
struct Slice {
    static constexpr bool of_provider = true;
    FileId id = 0;
    std::uint64_t offset = 0;
    BlockEncoding encoding = BlockEncoding::plain;
    Sha1Link link;   // of the chunk that it lies in
    ByteView bytes;  // in the payload that was decoded
};
// Before an Open of that id: the last chunk is wanted with the answer.
struct WantLast {
    static constexpr bool of_provider = false;
    FileId id = 0;
    static auto fields(auto& m) { return std::tie(m.id); }
    friend bool operator==(const WantLast&, const WantLast&) = default;
};
// It has this chunk, and cannot tell yet whether it is right.
struct Unproven {
    static constexpr bool of_provider = true;
    FileId id = 0;
    ChunkIndex index = 0;
    static auto fields(auto& m) { return std::tie(m.id, m.index); }
    friend bool operator==(const Unproven&, const Unproven&) = default;
};
// Small ones, each wanted whole: every one of them is answered.
struct GetFiles {
    static constexpr bool of_provider = false;
    FileId id = 0;  // of them all
    std::vector<Sha1> files;
};
struct WholeFile {
    static constexpr bool of_provider = true;
    FileId id = 0;
    std::uint64_t number = 0;      // in the GetFiles, from 0
    std::uint64_t size_bytes = 0;  // 0: not given in this way, and nothing follows
    BlockEncoding encoding = BlockEncoding::plain;
    ByteView bytes;  // in the payload that was decoded
};
// In the order of their types.
using TransferMessage =
    std::variant<Open, Opened, Get, Data, Have, Cancel, Canceled, Refused, Close, Preparing,
                 GetSlice, Slice, WantLast, Unproven, GetFiles, WholeFile>;

inline FileId file_of(const TransferMessage& message) {
    return std::visit([](const auto& m) { return m.id; }, message);
}
inline bool is_of_provider(const TransferMessage& message) {
    return std::visit([](const auto& m) { return m.of_provider; }, message);
}

Encoded encode(const TransferMessage& message);
// Of the payload, what comes before its bytes.
ByteVector encode_head(const Data& data);
ByteVector encode_head(const Slice& slice);
ByteVector encode_head(const WholeFile& file);
// What has bytes has a view of `payload`. Errc::unknown_type: ignore it.
Result<TransferMessage> decode_transfer(std::uint64_t type, ByteView payload);

}  // namespace kp2p::proto
