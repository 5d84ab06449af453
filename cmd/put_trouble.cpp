#include "cmd/put_trouble.hpp"

#include "node/store/file.hpp"
#include "node/store/store_errc.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// What is neither a file nor a directory, and how its bytes are had nevertheless.
std::string other_kind(const std::string& path, PutOptions::Content content) {
    std::error_code none;
    const std::string words = path + " is neither a file nor a directory but ";
    switch (std::filesystem::status(path, none).type()) {
        case std::filesystem::file_type::block:
        case std::filesystem::file_type::character:
            return words + "a device; kp2p-store - reads one as its standard input";
        case std::filesystem::file_type::fifo:
            return words + "a pipe, which cannot be linked; kp2p-store reads it to its end";
        case std::filesystem::file_type::socket:
            return words + "a socket";
        default:
            break;
    }
    const bool input = content == PutOptions::Content::link && path == "-";
    return input ? "standard input cannot be linked; kp2p-store - reads it to its end"
                 : path + " is neither a file nor a directory";
}

}  // namespace

std::error_code put_failed(client::Command& command, std::error_code error, const std::string& path,
                           PutOptions::Content content) {
    if (is_storage_error(error)) return command.failure(error, storage_trouble());
    if (error == Errc::canceled)
        return command.failure(error, "stopped; nothing of " + path + " is kept");
    if (error == StoreErrc::made_up)
        return command.failure(error, path + ": " + error.message() +
                                          (content == PutOptions::Content::link
                                               ? "; kp2p-store reads it to its end"
                                               : "; kp2p-store - reads it as its standard input"));
    const bool no_input = path == "-" && content == PutOptions::Content::link &&
                          error == std::errc::no_such_file_or_directory;
    if (error != std::errc::invalid_argument && !no_input) return command.failure(error, path);
    return command.failure(Errc::usage, other_kind(path, content));
}

}  // namespace kp2p
