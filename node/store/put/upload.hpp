// Upload: a file on its way into the storage whose bytes come piece by piece, from whoever has
// them; runs of zeros become holes. Shape: open(), add() until all have come, then finish(); only
// then is it stored. One that is destroyed before leaves nothing. Blocking; an add() takes some
// milliseconds, finish() may take long. From one thread at a time. Errors as Store's.
#pragma once

#include <memory>
#include <optional>

#include "node/store/put/intake.hpp"

namespace kp2p {

class Upload {
  public:
    // `manifest`: whether to make one, if the file turns out to be large. `expected_bytes`: 0 if
    // nobody knows; a much larger file is read once more then.
    static Result<std::unique_ptr<Upload>> open(const Layout& layout, PutOptions::Manifest manifest,
                                                std::uint64_t expected_bytes);

    Result<void> add(ByteView bytes);
    Result<Intake::Put> finish();

  private:
    Upload(const Layout& layout, PutOptions::Manifest manifest, std::uint64_t expected_bytes);
    Result<void> hash_again();

    const PutOptions options_;
    Intake intake_;
    std::optional<TempFile> file_;
    std::filesystem::path where_;
    proto::LinkHasher hasher_;
    proto::ChunkSums sums_;
    std::optional<proto::ManifestHasher> manifest_;
};

}  // namespace kp2p
