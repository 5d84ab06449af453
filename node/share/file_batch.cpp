#include "node/share/file_batch.hpp"

#include <algorithm>
#include <utility>

namespace kp2p {
namespace {

// So many are on their way at once with those that are being written, which pays for each flush of
// the disk with many files. None is begun while so many bytes are being written.
constexpr std::size_t writes_at_once = 128;
constexpr std::uint64_t written_bytes_at_once = std::uint64_t{16} << 20;
// Those that are asked for together.
constexpr std::size_t small_files_at_once = 4 * proto::max_files_at_once;
constexpr std::size_t looks_at_once = 64;  // whether they are here, ahead of their turn

}  // namespace

class FileBatch::Writing {  // of so many bytes, as long as this lives
  public:
    Writing(FileBatch& batch, std::uint64_t bytes) : batch_(batch), bytes_(bytes) {
        batch_.written_bytes_ += bytes_;
    }
    Writing(const Writing&) = delete;
    ~Writing() {
        batch_.written_bytes_ -= bytes_;
        batch_.room_.notify_all();
    }

  private:
    FileBatch& batch_;
    std::uint64_t bytes_;
};

// One that is fetched by itself: in its turn, which ends when all of it is here.
class FileBatch::Alone {
  public:
    explicit Alone(FileBatch& batch) : batch_(batch), changed_(batch.executor_) {
        batch_.waiting_.push_back(this);
        let_next();
    }
    Alone(const Alone&) = delete;
    ~Alone() {
        std::erase(batch_.waiting_, this);
        end();
    }
    Task<Result<void>> turn() {
        while (!is_coming_) {
            auto changed = co_await changed_.wait();
            if (!changed) co_return changed;
        }
        co_return ok;
    }
    void came(std::uint64_t bytes) {  // it is being written
        if (!writing_) writing_.emplace(batch_, bytes);
        end();
    }

  private:
    void end() {
        if (!std::exchange(is_coming_, false)) return;
        --batch_.coming_;
        let_next();
        batch_.room_.notify_all();
    }
    void let_next() {
        while (!batch_.waiting_.empty() && batch_.coming_ < batch_.terms_.fetches_at_once) {
            Alone& next = *batch_.waiting_.front();
            batch_.waiting_.pop_front();
            ++batch_.coming_;
            next.is_coming_ = true;
            next.changed_.notify_all();
        }
    }

    FileBatch& batch_;
    Event changed_;
    bool is_coming_ = false;
    std::optional<Writing> writing_;
};

bool FileBatch::may_be_small(std::size_t index) const {
    const auto size_bytes = files_[index].size_bytes;
    if (!lacking_[index]) return false;
    return !size_bytes || (*size_bytes > 0 && *size_bytes <= SmallFiles::max_bytes);
}

bool FileBatch::has_room(std::size_t index) const {
    if (written_bytes_ >= written_bytes_at_once) return false;
    if (may_be_small(index) && fetches_.has_giver_of_small(givers_))
        return under_way_.size() < small_files_at_once;
    const bool comes = coming_ + waiting_.size() < terms_.fetches_at_once;
    return comes && under_way_.size() < writes_at_once;
}

void FileBatch::gave(const std::vector<NodeId>& nodes) {
    for (const NodeId& node : nodes)
        if (std::ranges::find(givers_, node) == givers_.end()) givers_.push_back(node);
}

Task<Result<void>> FileBatch::run() {
    auto body = [this](Tasks& all) -> Task<> { co_await fetch_in_turn(all); };
    co_return co_await with_tasks(body);
}

void FileBatch::cancel(std::size_t index) {
    const auto at = under_way_.find(index);
    if (at != under_way_.end() && at->second) at->second->cancel();
}

// Begins with one after the other, as there is room.
Task<> FileBatch::fetch_in_turn(Tasks& all) {
    while (next_ < files_.size()) {
        if (next_ == lacking_.size()) {
            std::vector<Sha1> ahead;
            for (std::size_t i = next_; i < files_.size() && ahead.size() < looks_at_once; ++i)
                ahead.push_back(files_[i].sha1);
            auto lacking = co_await inventory_.lacks(std::move(ahead));
            lacking_.insert(lacking_.end(), lacking.begin(), lacking.end());
        } else if (!has_room(next_)) {
            auto woken = co_await room_.wait();
            if (!woken) co_return;
        } else {
            all.spawn(fetch_one(next_++, all));
        }
    }
}

Task<> FileBatch::fetch_one(std::size_t index, Tasks& all) {
    struct UnderWay {
        FileBatch& batch;
        std::size_t index;
        UnderWay(FileBatch& of, std::size_t number) : batch(of), index(number) {
            batch.under_way_.emplace(index, nullptr);
        }
        ~UnderWay() {
            batch.under_way_.erase(index);
            batch.room_.notify_all();
        }
    } under_way(*this, index);
    if (hooks_.begun) hooks_.begun(index);
    Diagnosis diagnosis;
    Result<Fetched> fetched = Errc::canceled;
    auto body = [&](Tasks& own) -> Task<> {
        under_way_[index] = &own;
        fetched = co_await fetch(index, diagnosis);
    };
    auto ran = co_await with_tasks(body);
    under_way_[index] = nullptr;
    if (!ran) co_return;  // as all of them are
    if (fetched) gave(fetched->uploaders);
    if (!hooks_.ended(index, fetched, diagnosis)) all.cancel();
}

Task<Result<Fetched>> FileBatch::fetch(std::size_t index, Diagnosis& diagnosis) {
    if (may_be_small(index)) {
        auto small = co_await fetch_small(index);
        if (small) co_return small;
    }
    Alone alone(*this);
    auto turn = co_await alone.turn();
    if (!turn) co_return Errc::canceled;
    ProgressSink moved = [&](const FetchProgress& at) {
        if (at.size_bytes > 0 && at.verified_bytes == at.size_bytes) alone.came(at.size_bytes);
        hooks_.moved(index, at);
    };
    std::vector<NodeId> hints;
    if (terms_.akin) hints = givers_;
    co_return co_await fetches_.fetch(files_[index].sha1, std::move(hints), std::move(moved),
                                      diagnosis, terms_.outage);
}

// With others, if it is one of those.
Task<Result<Fetched>> FileBatch::fetch_small(std::size_t index) {
    const File& file = files_[index];
    // Soon, and no sooner than all that are asked for with it.
    const Writing writing(*this, file.size_bytes.value_or(SmallFiles::max_bytes));
    using Size = SmallFiles::Size;
    const Size size = file.size_bytes ? Size::known : Size::unknown;
    co_return co_await fetches_.fetch_small(file.sha1, givers_, size);
}

}  // namespace kp2p
