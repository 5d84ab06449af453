// offload: runs `fn` on the pool of threads and resumes the caller on its own thread with the
// result, or with what it threw. `fn` takes no reference to anything of the node: values in, values
// out. It cannot be cancelled, so it is a slice of at most about 50 ms. If the caller is cancelled
// meanwhile it still waits for it.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "node/async/asio.hpp"
#include "node/async/attempt.hpp"
#include "node/threads/pool.hpp"

namespace kp2p {

// Runs `work`, which does not throw, on the pool.
Task<> run_on(Pool& pool, std::function<void()> work);

// offload() for all functions that give an R: a coroutine for each of them would be much code.
template <class R>
Task<R> offload_function(Pool& pool, std::function<R()> fn) {
    Attempt<R> made;
    auto work = [&fn, &made] {
        made = attempt(fn);
        fn = nullptr;  // there too, since what it holds may be slow to let go of
    };
    co_await run_on(pool, work);
    co_return std::move(made).get();
}

template <class F>
Task<std::invoke_result_t<F&>> offload(Pool& pool, F fn) {
    return offload_function<std::invoke_result_t<F&>>(pool, std::move(fn));
}

}  // namespace kp2p
