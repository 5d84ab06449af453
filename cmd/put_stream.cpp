#include "cmd/put_stream.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "node/store/put/upload.hpp"

namespace kp2p {
namespace {

constexpr std::size_t input_block_bytes = std::size_t{1} << 20;

Result<std::size_t> read_input(client::Command& command, int descriptor, ByteVector& into) {
    for (;;) {
        if (command.stop().stop_requested()) return Errc::canceled;
        const ssize_t n = ::read(descriptor, into.data(), into.size());
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) return std::error_code(errno, std::generic_category());
    }
}

// None for one that a shell has made.
std::string name_of_stream(const std::string& path) {
    const std::string name = std::filesystem::path(path).filename().native();
    const bool is_number = name.find_first_not_of("0123456789") == name.npos;
    return path == "-" || is_number || path == "/dev/stdin" ? std::string() : name;
}

}  // namespace

bool is_stream(const std::string& path) {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return false;
    if (S_ISFIFO(status.st_mode)) return true;
    std::error_code error;
    const std::string real = std::filesystem::canonical(path, error).native();
    return !error && S_ISREG(status.st_mode) &&
           (real.starts_with("/proc/") || real.starts_with("/sys/"));
}

Result<proto::Uri> put_stream(client::Command& command, const Store& store, const std::string& path,
                              const PutOptions& options) {
    struct Input {
        int descriptor = STDIN_FILENO;
        ~Input() {
            if (descriptor > STDERR_FILENO) ::close(descriptor);
        }
    } input;
    if (path != "-") input.descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (input.descriptor < 0 && command.stop().stop_requested()) return Errc::canceled;
    if (input.descriptor < 0) return std::error_code(errno, std::generic_category());
    const std::string name = options.name.empty() ? name_of_stream(path) : options.name;
    auto upload = store.begin_upload(options.manifest, 0);
    if (!upload) return upload.error();
    ByteVector block(input_block_bytes);
    for (;;) {
        auto size = read_input(command, input.descriptor, block);
        if (!size) return size.error();
        if (*size == 0) break;
        if (auto added = (*upload)->add(ByteView(block).first(*size)); !added) return added.error();
        options.progress(!name.empty() ? name : path == "-" ? "standard input" : path, *size);
    }
    auto put = (*upload)->finish();
    if (!put) return put.error();
    proto::Uri uri;
    uri.sha1 = put->sha1;
    uri.path = name;
    uri.manifest = put->manifest;
    store.note_arrival(uri, Record::Kind::stored);
    return uri;
}

}  // namespace kp2p
