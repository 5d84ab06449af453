#include "node/client/starter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "node/client/daemon.hpp"
#include "node/settings/config_trouble.hpp"
#include "proto/outcome.hpp"

// As POSIX has it, in no header.
extern char** environ;

namespace kp2p::client {
namespace fs = std::filesystem;

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes patience{2};
constexpr std::uintmax_t max_log_bytes = 1 << 20;  // of all starts before
constexpr const char* program = "kp2p-start-daemon";

// The one that was installed with this command, or else the first in PATH.
std::string program_path() {
    std::error_code error;
    const fs::path own = fs::read_symlink("/proc/self/exe", error);
    if (!error && ::access((own.parent_path() / program).c_str(), X_OK) == 0)
        return own.parent_path() / program;
    return program;
}

// How to spawn it: a session of its own, so that no terminal takes it along.
class Spawn {
  public:
    Spawn() {
        ::posix_spawn_file_actions_init(&files_);
        ::posix_spawnattr_init(&attributes_);
        sigset_t all, none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);  // commands ignore some
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        constexpr int flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
        ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
        ::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    Spawn(const Spawn&) = delete;
    ~Spawn() {
        ::posix_spawn_file_actions_destroy(&files_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    void put(int descriptor, int as) {
        ::posix_spawn_file_actions_adddup2(&files_, descriptor, as);
    }
    Result<pid_t> run(std::vector<std::string> words) {
        // What the caller's shell has open, such as a lock, would stay so for as long as it runs.
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
        ::posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
#endif
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        pid_t process = 0;
        const int number = ::posix_spawnp(&process, arguments.front(), &files_, &attributes_,
                                          arguments.data(), environ);
        if (number != 0) return std::error_code(number, std::generic_category());
        return process;
    }

  private:
    posix_spawn_file_actions_t files_;
    posix_spawnattr_t attributes_;
};

// The line in which it says that it is ready, or why it is not; what there was of it if it ended.
Result<std::string> first_line(int from, const std::stop_token& stop) {
    constexpr std::chrono::milliseconds look_around{100};  // a signal may come before poll()
    constexpr std::size_t max_bytes = 64 << 10;
    const auto deadline = steady_clock::now() + patience;
    std::string line;
    while (line.size() < max_bytes && !line.ends_with('\n')) {
        if (stop.stop_requested()) return Errc::canceled;
        if (steady_clock::now() >= deadline) return Errc::timed_out;
        pollfd one{from, POLLIN, 0};
        if (::poll(&one, 1, static_cast<int>(look_around.count())) <= 0) continue;
        char byte = 0;
        const ssize_t size = ::read(from, &byte, 1);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        line += byte;
    }
    return line;
}

struct Descriptor {
    explicit Descriptor(int number) : number(number) {}
    Descriptor(const Descriptor&) = delete;
    ~Descriptor() { close(); }
    void close() {
        if (number >= 0) ::close(std::exchange(number, -1));
    }
    int number;
};

// In a directory that is made if it is missing.
Result<int> open_log(const fs::path& path, std::string& why) {
    std::error_code error, ignored;
    if (auto made = make_config_dir(path.parent_path()); !made) error = made.error();
    const std::uintmax_t logged = fs::file_size(path, ignored);
    if (!ignored && logged > max_log_bytes) fs::rename(path, fs::path(path) += ".1", ignored);
    const bool is_new = !fs::exists(fs::symlink_status(path, ignored));
    constexpr int way = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
    const int log = error ? -1 : ::open(path.c_str(), way, S_IRUSR | S_IWUSR);
    if (log >= 0 && is_new) give_to_owner_of(path.parent_path(), log);
    if (log >= 0) return log;
    if (!error) error = {errno, std::generic_category()};
    why = config_trouble(path, error);
    return Errc::no_daemon;
}

}  // namespace

Result<void> Starter::start(std::stop_token stop, std::string& why) const {
    const auto failed = [&why](const std::string& what, int number) {
        why = what + ": " + std::strerror(number);
        return Errc::no_daemon;
    };
    const auto opened = open_log(log_path(), why);
    if (!opened) return opened.error();
    Descriptor log(*opened);
    int pipe[2];
    if (::pipe2(pipe, O_CLOEXEC) != 0) return failed("a pipe", errno);
    Descriptor from(pipe[0]), to(pipe[1]);

    std::vector<std::string> words{program_path(), "--json"};
    for (const auto& [flag, texts] : flags_)
        for (const std::string& text : texts) words.push_back(flag + "=" + text);
    Spawn spawn;
    spawn.put(to.number, STDOUT_FILENO);
    spawn.put(log.number, STDERR_FILENO);
    const auto process = spawn.run(std::move(words));
    if (!process && process.error() == std::errc::resource_unavailable_try_again)
        why = "no more processes can be had (ulimit -u)";
    else if (!process && process.error() == std::errc::no_such_file_or_directory)
        why = std::string(program) + " is neither beside this command nor in PATH";
    else if (!process)
        return failed(program, process.error().value());
    if (!process) return Errc::no_daemon;
    to.close();
    const auto said = first_line(from.number, stop);
    if (!said && said.error() == Errc::canceled) return Errc::canceled;
    if (!said) {
        why = std::string(program) + " is not ready yet; see " + log_path().string();
        return Errc::no_daemon;
    }
    const Answer answer(*said);
    if (answer.string("event") == "ready") return ok;
    why = answer.string("message");
    if (why.empty()) why = std::string(program) + " ended; see " + log_path().string();
    return Errc::no_daemon;
}

}  // namespace kp2p::client
