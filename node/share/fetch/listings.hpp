// Listings: the directories that were read last, so that who asks for one file of a directory after
// another does not have all of it read and parsed each time. None is kept for long once nobody
// asks.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "node/async/runtime.hpp"
#include "proto/file/sha1dir.hpp"

namespace kp2p {

struct Listing {
    Sha1 document;
    std::size_t document_bytes = 0;
    proto::Sha1Dir directory;
    proto::Sha1Dir::LeftOut left_out;
    std::vector<NodeId> uploaders;  // of the document, when it came
};

class Listings {
  public:
    static constexpr std::size_t max_bytes = std::size_t{16} << 20;  // of all their documents
    static constexpr std::chrono::seconds lifetime{60};              // of all, after the last use

    explicit Listings(const Runtime& runtime)
        : clock_(runtime.clock),
          unused_(clock_.alarm(runtime.executor, [this] { latest_.clear(); })) {}

    // Null where it is not kept.
    std::shared_ptr<const Listing> find(const Sha1& document) {
        const auto found = std::ranges::find(latest_, document, &Listing::document);
        if (found == latest_.end()) return nullptr;
        std::rotate(latest_.begin(), found, found + 1);
        unused_->set(clock_.now() + lifetime);
        return latest_.front();
    }
    void keep(std::shared_ptr<const Listing> listing) {
        std::erase_if(latest_,
                      [&](const auto& each) { return each->document == listing->document; });
        latest_.insert(latest_.begin(), std::move(listing));
        std::size_t bytes = 0;
        std::erase_if(
            latest_, [&](const auto& each) { return (bytes += each->document_bytes) > max_bytes; });
        unused_->set(clock_.now() + lifetime);
    }

  private:
    Clock& clock_;
    std::vector<std::shared_ptr<const Listing>> latest_;  // the latest first
    std::unique_ptr<Alarm> unused_;
};

}  // namespace kp2p
