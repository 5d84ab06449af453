// A download whose providers do whatever the bytes say: it never keeps a wrong chunk, and what it
// asks for at once stays bounded.
#include "proto/file/links.hpp"
#include "proto/transfer/download.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const ByteVector file(3 * chunk_bytes / 2, 7);
    static const Sha1 sha1 = sha1_of(file);
    Download download(sha1);
    Download::Time now{};
    std::size_t asked = 0;
    for (std::size_t at = 0; at + 8 <= size; at += 8) {
        const std::uint8_t* d = data + at;
        const SourceKey key = d[1] % 8 + 1u;
        now += std::chrono::milliseconds(d[2]);
        ByteVector payload(std::min<std::size_t>(std::size_t{d[3]} << 9, block_bytes), d[4]);
        Data block{1,  d[5],   std::uint64_t{d[6]} << 16, static_cast<BlockEncoding>(d[7] & 1),
                   {}, payload};
        std::uint64_t claim = std::uint64_t{d[3]} << (d[4] % 56);
        const bool last_follows = d[6] >> 7;
        if (d[0] % 8 == 0)
            download.add_source(now, key,
                                {d[5] % 2 ? file.size() : claim, {}, false, last_follows});
        if (d[0] % 8 == 1)
            download.add_source(now, key, {claim, ByteVector(d[6] % 4, d[7]), false, last_follows});
        if (d[0] % 8 == 2) download.receive(now, key, block, std::move(payload));
        if (d[0] % 8 == 3) download.canceled(now, key, d[3]);
        if (d[0] % 8 == 4) download.remove_source(now, key);
        if (d[0] % 8 == 5) download.have(now, key, d[3]);
        if (d[0] % 8 == 6) {
            download.heard(key, now);
            download.expire(now);
        }
        for (const Download::Event& event : download.take_events()) {
            if (std::get_if<Download::StoreChunk>(&event)) __builtin_trap();  // all links are wrong
            if (const auto* check = std::get_if<Download::CheckChunk>(&event))
                download.checked(now, check->job, run_check(*check->check));
            if (std::get_if<Download::AskChunk>(&event)) ++asked;
        }
        if (asked > size * 64) __builtin_trap();
    }
    return 0;
}
