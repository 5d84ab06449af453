// ForeignCalls: calls on files that others keep, on file systems that may never answer (a dead
// network mount). Each has a thread for as long as it takes, while its caller waits no longer than
// the limit: a call that hangs costs a thread, and holds up nobody but its caller.
//
// Calls in one directory have few threads, and wait for each other; once all of those hang, further
// calls there are answered at once, until one comes back. From the loop's thread.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>

#include "node/async/attempt.hpp"
#include "node/async/event.hpp"
#include "node/async/runtime.hpp"

namespace kp2p {

class ForeignCalls {
  public:
    static constexpr std::chrono::seconds limit{5};
    static constexpr std::size_t max_threads_in_directory = 4;
    static constexpr std::size_t max_threads = 64;
    static constexpr std::size_t max_waiting_in_directory = 1024;

    explicit ForeignCalls(Runtime& runtime);
    ForeignCalls(const ForeignCalls&) = delete;
    ~ForeignCalls();  // without waiting for what hangs; nobody waits for a call

    // What `fn` returns, a Result, or Errc::timed_out. `fn` owns all that it uses, since it may
    // outlive its caller, and even this; it touches the file `path`.
    template <class F>
    Task<std::invoke_result_t<F&>> call(std::filesystem::path path, F fn) {
        return call_function<std::invoke_result_t<F&>>(std::move(path), std::move(fn));
    }

  private:
    using Work = std::function<void()>;
    struct Call {
        std::filesystem::path directory;
        Work work;
        Clock::Time started{};
        bool over = false;
        Event* ended = nullptr;  // while somebody waits
    };
    using CallRef = std::shared_ptr<Call>;
    struct Directory {
        std::list<CallRef> running;
        std::deque<CallRef> waiting;
    };
    struct Home;

    template <class R>
    Task<R> call_function(std::filesystem::path path, std::function<R()> fn);
    Task<Result<void>> run(std::filesystem::path path, Work work);
    bool all_hang(const Directory& directory) const;
    bool hopeless(const Directory& directory) const;
    void start_waiting();
    bool start(Directory& directory, const CallRef& call);
    void ended(const CallRef& call);
    void forget(const CallRef& call);

    Runtime& runtime_;
    std::shared_ptr<Home> home_;
    std::map<std::filesystem::path, Directory> directories_;
    std::size_t threads_ = 0;
};

template <class R>
Task<R> ForeignCalls::call_function(std::filesystem::path path, std::function<R()> fn) {
    struct Answer {
        std::function<R()> fn;
        Attempt<R> made;
    };
    auto answer = std::make_shared<Answer>(Answer{std::move(fn), {}});
    Work work = [answer] { answer->made = attempt(answer->fn); };
    auto done = co_await run(std::move(path), std::move(work));
    if (!done) co_return done.error();
    co_return std::move(answer->made).get();
}

}  // namespace kp2p
