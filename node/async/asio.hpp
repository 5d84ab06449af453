// The spellings of asio that this project uses, and the only place that knows which asio version
// spells them how. Task<T> is what every coroutine returns; use_result is the only completion
// token: an awaited operation yields [error_code, values...] and does not throw.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/version.hpp>
#if ASIO_VERSION < 102300
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#else
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#endif

namespace kp2p {

#if ASIO_VERSION < 102300
using asio::experimental::as_tuple;
using asio::experimental::deferred;
#else
using asio::as_tuple;
using asio::deferred;
#endif

template <class T = void>
using Task = asio::awaitable<T>;
using Executor = asio::any_io_executor;

inline constexpr auto use_result = as_tuple(asio::use_awaitable);

}  // namespace kp2p
