// PartialDesk: hands out the partial of a file, one for all who want it in this process: a
// download, readers of ranges, and neighbours that still read what a download has left, since a
// partial is locked and another would lie beside it. Who has it holds it; it is forgotten with the
// last.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "node/async/asio.hpp"
#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/store/store.hpp"

namespace kp2p {

class PartialDesk {
  public:
    PartialDesk(Runtime& runtime, const Store& store)
        : runtime_(runtime), store_(store), changed_(runtime.executor) {}

    using PartialRef = std::shared_ptr<Partial>;
    // What there is of it, ready; null if nothing.
    Task<Result<PartialRef>> resume(Sha1 file);
    // The same, or a new one, of this size; errors as Store::open_partial() and, where another
    // has one of another size whose readers are at it, proto::Errc::bad_state.
    Task<Result<PartialRef>> open(Sha1 file, std::uint64_t size_bytes, Partial::Wanted wanted);
    // It is committed, or cannot be written to.
    void give_up(const Sha1& file) { handed_out_.erase(file); }

  private:
    template <class Open>
    Task<Result<PartialRef>> open_with(Sha1 file, Open open);
    PartialRef handed_out(const Sha1& file) const;

    Runtime& runtime_;
    const Store& store_;
    std::map<Sha1, std::weak_ptr<Partial>> handed_out_;
    std::set<Sha1> opening_;
    Event changed_;  // of that
};

}  // namespace kp2p
