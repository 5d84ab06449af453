// attempt: calls a function on a thread that may not throw, and keeps what it returned or threw
// for the thread that waits for it.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace kp2p {

template <class R>
struct Attempt {
    std::optional<R> returned;
    std::exception_ptr thrown;

    R get() && {
        if (thrown) std::rethrow_exception(thrown);
        return *std::move(returned);
    }
};

template <class F>
Attempt<std::invoke_result_t<F&>> attempt(F& fn) noexcept {
    Attempt<std::invoke_result_t<F&>> made;
    try {
        made.returned.emplace(fn());
    } catch (...) {
        made.thrown = std::current_exception();
    }
    return made;
}

}  // namespace kp2p
