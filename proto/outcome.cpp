#include "proto/outcome.hpp"

#include <cerrno>
#include <string>

namespace kp2p {
namespace {

struct Row {
    Errc code;
    int exit_status;
    const char* name;
    const char* sentence;
};

constexpr Row rows[] = {
    {Errc::failed, 1, "failed", "it failed"},
    {Errc::usage, 2, "usage", "the arguments are not valid"},
    {Errc::no_daemon, 3, "no_daemon", "no daemon is running"},
    {Errc::unauthorized, 1, "unauthorized", "the API token is missing or wrong"},
    {Errc::not_found, 4, "not_found", "nobody provides it"},
    {Errc::verification_failed, 5, "verification_failed",
     "what was sent does not match its hash and no honest provider is left"},
    {Errc::out_of_space, 6, "out_of_space", "no space is left"},
    {Errc::storage_unavailable, 1, "storage_unavailable",
     "the storage directory is missing or cannot be used"},
    {Errc::port_in_use, 1, "port_in_use", "the port is in use"},
    {Errc::cannot_connect, 1, "cannot_connect", "the peer cannot be connected to"},
    {Errc::timed_out, 1, "timed_out", "it took too long"},
    {Errc::closed, 1, "closed", "it is closed"},
    {Errc::canceled, 1, "canceled", "it was canceled"},
    {Errc::limit_reached, 1, "limit_reached", "a limit was reached"},
    {Errc::refused, 1, "refused", "the peer refuses"},
    {Errc::over_quota, 6, "over_quota", "the quota of the storage is used up"},
    {Errc::sha1_collision, 5, "sha1_collision",
     "it is part of a SHA-1 collision attack; it is neither stored nor given"},
};

const Row& row_of(Errc code) {
    for (const Row& row : rows)
        if (row.code == code) return row;
    return rows[0];
}

class Category final : public std::error_category {
    const char* name() const noexcept override { return "kp2p"; }
    std::string message(int value) const override {
        return row_of(static_cast<Errc>(value)).sentence;
    }
};

const Category category;

Errc code_of(std::error_code error) {
    if (error.category() == category) return static_cast<Errc>(error.value());
    const bool quota = error.category() == std::generic_category() && error.value() == EDQUOT;
    if (quota || error == std::errc::no_space_on_device) return Errc::out_of_space;
    return Errc::failed;
}

}  // namespace

std::error_code make_error_code(Errc error) { return {static_cast<int>(error), category}; }

std::string_view code_name(std::error_code error) { return row_of(code_of(error)).name; }

Errc code_from_name(std::string_view name) {
    for (const Row& row : rows)
        if (row.name == name) return row.code;
    return Errc::failed;
}

int exit_status(std::error_code error) { return row_of(code_of(error)).exit_status; }

}  // namespace kp2p
