// Inventory: what this node can give: the files of its storage, and what it has verified of those
// that it is downloading. A file that turns out not to be what its name says is taken from the
// inventory, set aside and said in the log, once.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>

#include "node/async/event.hpp"
#include "node/async/foreign_calls.hpp"
#include "node/async/offload.hpp"
#include "node/share/inventory/file_traffic.hpp"
#include "node/share/inventory/partial_desk.hpp"
#include "node/share/inventory/rates.hpp"
#include "node/share/inventory/transfers.hpp"
#include "node/share/inventory/unproven_chunks.hpp"
#include "node/store/store.hpp"
#include "proto/lookup/flood.hpp"

namespace kp2p {

class Inventory {
  public:
    Inventory(Runtime& runtime, Store& store, ForeignCalls& foreign)
        : runtime_(runtime),
          store_(store),
          foreign_(foreign),
          transfers_(runtime, counts_),
          rates_(runtime),
          desk_(runtime, store) {}

    Transfers& transfers() { return transfers_; }

    // What `fn` returns, a Result. It reads the content of a file, or only looks for it, and owns
    // all that it uses. It runs on the pool, or, when the content lies outside of the storage (a
    // link), where it may hang: Errc::timed_out then, and storage_trouble() says so. It is told
    // what the storage has of the file.
    template <class F>
    Task<std::invoke_result_t<F&, const Located&>> read(Sha1 file, F fn);
    template <class F>
    Task<std::invoke_result_t<F&>> read(std::shared_ptr<const Chunks> chunks, F fn);

    Task<std::optional<proto::LocalFile>> look(Sha1 file);
    // Which of them are not here, nor ever can be without being put here; of the others nothing is
    // known.
    Task<std::vector<bool>> lacks(std::vector<Sha1> files);
    // Ready to be read; of a download only when the file is not here. Errc::not_found, or why it
    // cannot be read.
    struct Entry {
        std::shared_ptr<const Chunks> chunks;
        bool complete = false;
        std::shared_ptr<const UnprovenChunks> unproven = {};  // of a download
    };
    // Is called now and then while the file is being hashed, as is needed when its links are not
    // known yet; false ends that with Errc::canceled. Whoever takes the same file meanwhile shares
    // the work.
    using Hashing = std::function<bool()>;
    static bool always() { return true; }
    Task<Result<Entry>> take(Sha1 file, Hashing hashing);

    // A file that is here, as it was when it was last hashed, or hashed now. Errors as take(); then
    // `why` may get a sentence.
    using WholeRef = std::shared_ptr<const WholeChunks>;
    Task<Result<WholeRef>> whole(Sha1 file, Hashing hashing, std::string& why);
    // The same after it was not as it should be: is hashed anew, whatever is known of it. So it is
    // set aside only if the fault is its own.
    Task<Result<WholeRef>> doubt(Sha1 file, Hashing hashing);
    // What a read() of chunks fails with when their file is to be doubted.
    static bool is_doubtful(std::error_code error);
    // And where storage_trouble() says why.
    static bool is_of_storage(std::error_code error);
    bool is_preparing(const Sha1& file) const { return preparations_.contains(file); }

    // What can be given of these at once: those that are in the storage, whole and right, and of at
    // most `max_bytes`. Empty for the others.
    Task<std::vector<ByteVector>> small_files(std::vector<Sha1> files, std::size_t max_bytes);

    PartialDesk& desk() { return desk_; }

    FileTraffic& traffic() { return traffic_; }  // over all connections
    FileCounts& counts() { return counts_; }
    Rates& rates() { return rates_; }

    void asked(const Sha1& file, const NodeId& by);  // for a chunk of a download

    enum class Gain { proven, unproven };
    // A download shows what it has, for as long as this lives, and is told of who asks for that,
    // and so may be getting the same file.
    using AskedBy = std::function<void(const NodeId& node)>;
    class Listing {
      public:
        Listing(Inventory& inventory, const Sha1& file, std::shared_ptr<Partial> partial,
                AskedBy asked_by);
        Listing(const Listing&) = delete;
        ~Listing();
        void stored(std::uint64_t index);  // one more chunk can be read
        // The same, though it is not proven; until it is stored or let go of.
        void hold(std::uint64_t index, const Sha1Link& link, UnprovenChunks::Content content);
        void let_go(std::uint64_t index) { unproven_->let_go(index); }

      private:
        void say(std::uint64_t index, Gain gain);

        Inventory& inventory_;
        Sha1 file_;
        std::shared_ptr<UnprovenChunks> unproven_ = std::make_shared<UnprovenChunks>();
    };

    // Is told of chunks that listings have gained, for as long as this lives.
    using Gained = std::function<void(const Sha1& file, std::uint64_t index, Gain gain)>;
    class Watch {
      public:
        Watch(Inventory& inventory, Gained gained);
        Watch(const Watch&) = delete;
        ~Watch();

      private:
        Inventory& inventory_;
        std::list<Gained>::iterator at_;
    };

  private:
    using Links = WholeChunks::Links;
    struct Preparation {
        Preparation(Executor executor, std::shared_ptr<WholeChunks> of)
            : chunks(std::move(of)), changed(executor) {}
        std::shared_ptr<WholeChunks> chunks;
        bool busy = false, over = false;
        std::error_code failure;
        Event changed;
    };
    struct Download {
        Entry entry;
        AskedBy asked_by;
    };
    static constexpr std::size_t max_said = 1024;

    Task<Result<WholeRef>> open(Sha1 file, Links links, Hashing hashing, std::string& why);
    Task<Result<WholeRef>> prepare(Sha1 file, std::shared_ptr<WholeChunks> chunks, Hashing hashing);
    void say(const std::string& sentence);
    void rotten(const std::string& sentence);             // that something is; empty: nothing is
    void is_silent(const std::filesystem::path& linked);  // its file system

    template <class F>
    Task<std::invoke_result_t<F&>> read_foreign(std::filesystem::path path, F fn);

    Runtime& runtime_;
    Store& store_;
    ForeignCalls& foreign_;
    FileCounts counts_;
    Transfers transfers_;
    Rates rates_;
    PartialDesk desk_;
    FileTraffic traffic_;
    std::set<std::string> said_;          // at most max_said
    std::map<Sha1, Download> downloads_;  // that are shown
    std::map<Sha1, std::weak_ptr<Preparation>> preparations_;
    std::map<Sha1, std::weak_ptr<WholeChunks>> open_;  // shared by all who read a file
    std::list<Gained> watches_;
};

// The chunks of `partial` that can be read, as the `have` of an `opened` message.
ByteVector have_bits(const Partial& partial);

template <class F>
Task<std::invoke_result_t<F&, const Located&>> Inventory::read(Sha1 file, F fn) {
    using R = std::invoke_result_t<F&, const Located&>;
    Located located;
    auto read_here = [store = &store_, file, &located, &fn]() -> std::optional<R> {
        located = store->locate(file);
        if (located.elsewhere()) return std::nullopt;
        return fn(located);
    };
    auto here = co_await offload(runtime_.pool, read_here);
    if (here) co_return *std::move(here);
    const std::filesystem::path path = *located.elsewhere();
    auto read_there = [fn = std::move(fn), located = std::move(located)] { return fn(located); };
    co_return co_await read_foreign(path, std::move(read_there));
}

template <class F>
Task<std::invoke_result_t<F&>> Inventory::read(std::shared_ptr<const Chunks> chunks, F fn) {
    if (chunks->is_at_hand()) co_return fn();
    if (const auto* elsewhere = chunks->lie_elsewhere())
        co_return co_await read_foreign(*elsewhere, std::move(fn));
    co_return co_await offload(runtime_.pool, std::move(fn));
}

template <class F>
Task<std::invoke_result_t<F&>> Inventory::read_foreign(std::filesystem::path path, F fn) {
    auto read = co_await foreign_.call(path, std::move(fn));
    if (!read && read.error() == Errc::timed_out) is_silent(path);
    co_return read;
}

}  // namespace kp2p
