// Result<T>: what an operation that may fail returns: either a T or a non-zero std::error_code.
// Shape: `auto x = f(); if (!x) return x.error(); use(*x);`. Success without a value is `return
// ok;`. A default-constructed Result is an error, so it cannot be mistaken for a value.
#pragma once

#include <cassert>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace kp2p {

template <class T>
class [[nodiscard]] Result {
  public:
    Result() : Result(std::make_error_code(std::errc::state_not_recoverable)) {}
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(std::error_code error) : state_(std::in_place_index<1>, error) { assert(error); }
    template <class E>
    requires std::is_error_code_enum_v<E> Result(E error) : Result(make_error_code(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T& operator*() & { return *get(); }
    const T& operator*() const& { return *get(); }
    T&& operator*() && { return std::move(*get()); }
    T* operator->() { return get(); }
    const T* operator->() const { return get(); }
    std::error_code error() const {
        const auto* error = std::get_if<1>(&state_);
        return error ? *error : std::error_code();
    }

  private:
    T* get() {
        assert(*this);
        return std::get_if<0>(&state_);
    }
    const T* get() const {
        assert(*this);
        return std::get_if<0>(&state_);
    }
    std::variant<T, std::error_code> state_;
};

struct Ok {};
inline constexpr Ok ok;

template <>
class [[nodiscard]] Result<void> : public Result<Ok> {
  public:
    using Result<Ok>::Result;
};

}  // namespace kp2p
