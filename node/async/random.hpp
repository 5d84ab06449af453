// Random: where node/ gets keys, seeds, ids and headers from, so that a test's seed replays them.
//   const auto seed = random.bytes<proto::Seed>();
#pragma once

#include <cstdint>
#include <span>

namespace kp2p {

class Random {
  public:
    virtual ~Random() = default;
    virtual void fill(std::span<std::uint8_t> bytes) = 0;

    template <class Value>  // one of Bytes<>
    Value bytes() {
        Value value;
        fill(std::span(value.data(), Value::size_bytes));
        return value;
    }
    std::uint64_t number();
};

// The system's generator: nobody can guess what it gives, or meets it again. From any thread.
class SystemRandom final : public Random {
  public:
    void fill(std::span<std::uint8_t> bytes) override;
};

}  // namespace kp2p
