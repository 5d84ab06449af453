// sha1-bench: MB/s of one core for SHA-1: OpenSSL's, ours by itself in one lane, in two, and in
// three of one message, the filter for attacks alone, and all of it together, as everything here
// hashes. The best of many runs over 1 MiB a lane, so that other work on the machine counts little.
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "proto/file/sha1.hpp"
#include "proto/file/sha1_compress.hpp"
#include "proto/file/sha1_filter.hpp"

using namespace kp2p;

namespace {

constexpr std::size_t lane_bytes = std::size_t{1} << 20;
constexpr std::size_t blocks = lane_bytes / proto::sha1_block_bytes;

void measure(const std::string& what, std::size_t bytes, const std::function<void()>& run) {
    using Clock = std::chrono::steady_clock;
    double best_s = 1e9;
    for (int i = 0; i < 500; ++i) {
        const auto began = Clock::now();
        run();
        best_s = std::min(best_s, std::chrono::duration<double>(Clock::now() - began).count());
    }
    std::printf("%-44s %6.0f MB/s\n", what.c_str(), static_cast<double>(bytes) / best_s / 1e6);
}

ByteVector noise(std::uint32_t seed) {
    std::mt19937 random(seed);
    ByteVector bytes(lane_bytes);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
}

}  // namespace

int main() {
    const ByteVector a = noise(1), b = noise(2);
    Sha1 digest;
    measure("OpenSSL", lane_bytes,
            [&] { EVP_Digest(a.data(), a.size(), digest.data(), nullptr, EVP_sha1(), nullptr); });
    for (const proto::Sha1Compressor& each : proto::sha1_compressors()) {
        proto::Sha1State x{}, y{}, z{};
        const std::string name = std::string("compression, ") + each.name;
        measure(name + ", one lane", lane_bytes, [&] { each.one(x, a.data(), blocks); });
        measure(name + ", two", 2 * lane_bytes,
                [&] { each.two(x, a.data(), y, b.data(), blocks); });
        measure(name + ", three of one message", 3 * lane_bytes,
                [&] { each.three(x, y, z, a.data(), blocks); });
    }
    for (const proto::Sha1Filter& each : proto::sha1_filters()) {
        std::vector<std::uint32_t> masks(blocks);
        measure(std::string("filter, ") + each.name, lane_bytes,
                [&] { each.masks(a.data(), blocks, masks.data()); });
    }
    measure("hasher with detection, one lane", lane_bytes, [&] { proto::sha1_of(a); });
    measure("hasher with detection, two lanes", 2 * lane_bytes, [&] {
        proto::Sha1Hasher x, y;
        proto::Sha1Hasher::update_two(x, a, y, b);
    });
    measure("hasher with detection, three of one message", 3 * lane_bytes, [&] {
        proto::Sha1Hasher x, y, z;
        proto::Sha1Hasher::update_three(x, y, z, a);
    });
    measure("the same bytes from two states", 2 * lane_bytes, [&] {
        proto::Sha1Hasher x, y;
        proto::Sha1Hasher::update_two(x, a, y, a);
    });
}
