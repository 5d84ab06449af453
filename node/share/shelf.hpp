// Shelf: what this node can give: the files of its storage, and what it has verified of those that
// it is downloading.
#pragma once

#include <asio/thread_pool.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>

#include "node/async/event.hpp"
#include "node/async/foreign_calls.hpp"
#include "node/async/offload.hpp"
#include "node/store/store.hpp"
#include "proto/share/flood.hpp"

namespace kp2p {

class Shelf {
  public:
    Shelf(Store& store, asio::thread_pool& pool, ForeignCalls& foreign)
        : store_(store), pool_(pool), foreign_(foreign) {}

    // What `fn` returns, a Result. It reads the content of a file, or only looks for it, and owns
    // all that it uses. It runs on the pool, or, when the content lies outside of the storage (a
    // link), where it may hang: Errc::timed_out then, and storage_trouble() says so.
    template <class F>
    Task<std::invoke_result_t<F&>> read(Sha1 file, F fn);
    template <class F>
    Task<std::invoke_result_t<F&>> read(std::shared_ptr<const Chunks> chunks, F fn);

    Task<std::optional<proto::LocalFile>> look(Sha1 file);
    // Ready to be read; of a download only when the file is not here. Errc::not_found, or why it
    // cannot be read.
    struct Taken {
        std::shared_ptr<const Chunks> chunks;
        bool complete = false;
    };
    // Is called now and then while the file is being hashed, as is needed when its links are not
    // known yet; false ends that with Errc::canceled. Whoever takes the same file meanwhile shares
    // the work.
    using Hashing = std::function<bool()>;
    Task<Result<Taken>> take(Sha1 file, Hashing hashing);

    // What a download that broke off has kept, while a neighbour still reads it: the next download
    // of the file goes on with it, since its place in the storage is taken. Null if there is none.
    std::shared_ptr<Partial> left_over(const Sha1& file) const;
    // It is committed, or cannot be written to.
    void give_up(const Sha1& file) { kept_.erase(file); }

    // A download shows what it has, for as long as this lives.
    class Showing {
      public:
        Showing(Shelf& shelf, const Sha1& file, std::shared_ptr<Partial> partial);
        Showing(const Showing&) = delete;
        ~Showing();
        void kept(std::uint64_t index);  // one more chunk can be read

      private:
        Shelf& shelf_;
        Sha1 file_;
    };

    // Is told of chunks that showings have gained, for as long as this lives.
    using Gained = std::function<void(const Sha1& file, std::uint64_t index)>;
    class Watch {
      public:
        Watch(Shelf& shelf, Gained gained);
        Watch(const Watch&) = delete;
        ~Watch();

      private:
        Shelf& shelf_;
        std::list<Gained>::iterator at_;
    };

  private:
    struct Preparation {
        Preparation(Executor executor, std::shared_ptr<WholeChunks> of)
            : chunks(std::move(of)), changed(executor) {}
        std::shared_ptr<WholeChunks> chunks;
        bool busy = false, over = false;
        std::error_code failure;
        Event changed;
    };
    Task<Result<Taken>> prepare(Sha1 file, std::shared_ptr<WholeChunks> chunks, Hashing hashing);

    template <class F>
    Task<std::invoke_result_t<F&>> read_foreign(std::filesystem::path path, F fn);

    Store& store_;
    asio::thread_pool& pool_;
    ForeignCalls& foreign_;
    std::map<Sha1, std::shared_ptr<const Partial>> partials_;
    std::map<Sha1, std::weak_ptr<Partial>> kept_;
    std::map<Sha1, std::weak_ptr<Preparation>> preparations_;
    std::list<Gained> watches_;
};

// The chunks of `partial` that can be read, as the `have` of an `opened` message.
ByteVector have_bits(const Partial& partial);

template <class F>
Task<std::invoke_result_t<F&>> Shelf::read(Sha1 file, F fn) {
    using R = std::invoke_result_t<F&>;
    std::optional<std::filesystem::path> elsewhere;
    auto read_here = [store = &store_, file, &elsewhere, &fn]() -> std::optional<R> {
        elsewhere = store->lies_elsewhere(file);
        if (elsewhere) return std::nullopt;
        return fn();
    };
    auto here = co_await offload(pool_, read_here);
    if (here) co_return *std::move(here);
    co_return co_await read_foreign(*elsewhere, std::move(fn));
}

template <class F>
Task<std::invoke_result_t<F&>> Shelf::read(std::shared_ptr<const Chunks> chunks, F fn) {
    if (const auto* elsewhere = chunks->lie_elsewhere())
        co_return co_await read_foreign(*elsewhere, std::move(fn));
    co_return co_await offload(pool_, std::move(fn));
}

template <class F>
Task<std::invoke_result_t<F&>> Shelf::read_foreign(std::filesystem::path path, F fn) {
    auto read = co_await foreign_.call(path, std::move(fn));
    if (!read && read.error() == Errc::timed_out)
        note_storage_trouble("the file system of " + path.string() + " does not answer");
    co_return read;
}

}  // namespace kp2p
