#include "node/share/inventory/partial_desk.hpp"

#include "node/async/offload.hpp"

namespace kp2p {

PartialDesk::PartialRef PartialDesk::handed_out(const Sha1& file) const {
    const auto found = handed_out_.find(file);
    return found == handed_out_.end() ? nullptr : found->second.lock();
}

template <class Open>
Task<Result<PartialDesk::PartialRef>> PartialDesk::open_with(Sha1 file, Open open) {
    const struct Turn {
        PartialDesk& desk;
        Sha1 file;
        ~Turn() {
            desk.opening_.erase(file);
            desk.changed_.notify_all();
        }
    } turn{*this, file};
    opening_.insert(file);
    auto opened = co_await offload(runtime_.pool, std::move(open));
    if (!opened) co_return opened.error();
    const PartialRef partial = std::move(*opened);
    while (partial && !partial->ready()) {
        auto prepare = [partial] { return partial->prepare(); };
        auto prepared = co_await offload(runtime_.pool, std::move(prepare));
        if (!prepared) co_return prepared.error();
    }
    std::erase_if(handed_out_, [](const auto& entry) { return entry.second.expired(); });
    if (partial) handed_out_.insert_or_assign(file, partial);
    co_return partial;
}

Task<Result<PartialDesk::PartialRef>> PartialDesk::resume(Sha1 file) {
    while (opening_.contains(file)) {
        auto changed = co_await changed_.wait();
        if (!changed) co_return changed.error();
    }
    if (auto partial = handed_out(file)) co_return partial;
    if (!store_.may_resume(file)) co_return PartialRef();
    auto open = [store = &store_, file] { return store->resume_partial(file); };
    co_return co_await open_with(file, std::move(open));
}

Task<Result<PartialDesk::PartialRef>> PartialDesk::open(Sha1 file, std::uint64_t size_bytes,
                                                        Partial::Wanted wanted) {
    while (opening_.contains(file)) {
        auto changed = co_await changed_.wait();
        if (!changed) co_return changed.error();
    }
    if (auto partial = handed_out(file)) {
        if (partial->size_bytes() == size_bytes) co_return partial;
        if (wanted == Partial::Wanted::ranges) co_return proto::Errc::bad_state;
    }
    auto open = [store = &store_, file, size_bytes, wanted] {
        return store->open_partial(file, size_bytes, wanted);
    };
    co_return co_await open_with(file, std::move(open));
}

}  // namespace kp2p
