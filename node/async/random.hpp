// Keys, seeds, ids and headers that nobody can guess or meet again, from the system's generator.
//   const auto seed = random_bytes<proto::Seed>();
#pragma once

#include <sodium/randombytes.h>

#include "proto/bytes.hpp"

namespace kp2p {

template <class Value>
Value random_bytes() {
    Value value;
    randombytes_buf(value.data(), Value::size_bytes);
    return value;
}

inline std::uint64_t random_number() {
    std::uint64_t number;
    randombytes_buf(&number, sizeof number);
    return number;
}

}  // namespace kp2p
