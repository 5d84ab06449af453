// SparseWriter: writes a file from front to back, and leaves long runs of zeros out of it as holes.
#pragma once

#include <cstdint>

#include "node/store/file.hpp"

namespace kp2p {

class SparseWriter {
  public:
    Result<void> write(const File& to, ByteView bytes);
    Result<void> finish(const File& to) const { return to.resize(offset_); }

  private:
    std::uint64_t offset_ = 0;
};

}  // namespace kp2p
