// The contents in test/vectors/sha1.json that attacks on SHA-1 have made, both of each pair.
#pragma once

#include <string>
#include <vector>

#include "proto/bytes.hpp"
#include "test/vectors.hpp"

namespace kp2p::test {

struct Sha1Collision {
    std::string name;
    Sha1 sha1;         // of both
    ByteVector bytes;  // whole blocks of 64
    Sha1 safe_sha1;    // what git's hasher has in its place, another one for each
};

inline std::vector<Sha1Collision> sha1_collisions() {
    std::vector<Sha1Collision> all;
    for (const auto row : vectors("sha1")["collisions"])
        for (const auto message : row["messages"])
            all.push_back({text(row["name"]), *Sha1::from_hex(text(row["sha1"])),
                           bytes(message["bytes"]), *Sha1::from_hex(text(message["safe_sha1"]))});
    return all;
}

}  // namespace kp2p::test
