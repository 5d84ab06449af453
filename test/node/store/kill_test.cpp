// kill -9 at any point: a child process works on a storage and reports what it has been told is
// done; it is killed at some report, and the parent looks at what is there.
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <random>
#include <thread>

#include "test/node/store/download.hpp"

using namespace kp2p;
using namespace kp2p::test;
namespace fs = std::filesystem;

namespace {

class Child {  // works in steps; after each it reports, and waits until it may go on
  public:
    using Report = std::function<void(std::uint8_t)>;
    explicit Child(const std::function<void(const Report&)>& work) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("no sockets");
        pid_ = fork();
        if (pid_ == 0) {
            close(ends[0]);
            work([&](std::uint8_t what) {
                if (write(ends[1], &what, 1) != 1 || read(ends[1], &what, 1) != 1) _exit(2);
            });
            _exit(0);
        }
        close(ends[1]);
        socket_ = ends[0];
    }
    Child(const Child&) = delete;
    ~Child() {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        close(socket_);
    }
    // Nothing when the child has ended.
    std::optional<std::uint8_t> next_report() const {
        std::uint8_t what = 0;
        if (read(socket_, &what, 1) != 1) return std::nullopt;
        return what;
    }
    void go_on() const { REQUIRE(write(socket_, "", 1) == 1); }

  private:
    pid_t pid_;
    int socket_;
};

// Lets it take `steps` steps, and kills it somewhere in the next. Gives what it reported.
std::vector<std::uint8_t> run_and_kill(const std::function<void(const Child::Report&)>& work,
                                       std::size_t steps, std::size_t yields) {
    const Child child(work);
    std::vector<std::uint8_t> reports;
    while (reports.size() < steps) {
        const auto report = child.next_report();
        if (!report) return reports;
        reports.push_back(*report);
        child.go_on();
    }
    for (std::size_t i = 0; i < yields; ++i) std::this_thread::yield();
    return reports;
}

void check_contents(const fs::path& root) {
    for (const std::string& name : files_below(root / "sha1")) {
        if (name.find(TempFile::suffix) != name.npos) continue;  // it, or the directory it is in
        const std::string bytes = read_file(root / "sha1" / name);
        CHECK(proto::sha1_of(as_bytes(bytes)).hex() == fs::path(name).filename());
    }
}

}  // namespace

TEST_CASE("a download that is killed at any point keeps every chunk it said it kept") {
    const Download f(24 * proto::chunk_bytes + 99);
    std::minstd_rand random(1);
    std::vector<bool> said(f.chunks.size());
    const auto work = [&](const Child::Report& report) {
        auto partial = f.store.open_partial(f.sha1, f.bytes.size());
        while (partial && !(*partial)->ready())
            if (!(*partial)->prepare()) _exit(3);
        if (!partial) _exit(3);
        for (std::size_t i = f.chunks.size(); i-- > 0;) {
            if ((*partial)->has(i)) continue;
            if (!(*partial)->write(f.chunks[i], f.chunk(i))) _exit(4);
            report(static_cast<std::uint8_t>(i));
        }
        if (!(*partial)->commit()) _exit(5);
    };
    int kills = 0;
    for (; !f.store.find(f.sha1); ++kills) {
        REQUIRE(kills < 100);
        const std::size_t steps = random() % 4 + static_cast<std::size_t>(kills) / 2;
        for (const std::uint8_t index : run_and_kill(work, steps, random() % 3000))
            said[index] = true;
        check_contents(f.directory.path());
        if (f.store.find(f.sha1)) break;
        const auto partial = f.resume();
        for (std::size_t i = 0; i < said.size(); ++i) {
            CAPTURE(i);
            if (!said[i]) continue;
            REQUIRE(partial);
            REQUIRE(partial->has(i));
            CHECK(as_text(partial->read(i)->bytes) == as_text(f.chunk(i)));
        }
    }
    CHECK(kills > 3);
    CHECK(read_file(f.layout.content(f.sha1)) == as_text(f.bytes));
    CHECK(!f.resume());
    f.open()->discard();  // what a kill within commit() left is taken over
    CHECK(files_below(f.layout.partials()).empty());
}

TEST_CASE("storing that is killed at any point leaves whole files and no litter") {
    TempDir directory;
    const fs::path root = directory.path() / "storage", files = directory.path() / "files";
    fs::create_directories(root);
    std::vector<Sha1> hashes;
    for (std::uint8_t i = 0; i < 40; ++i) {
        ByteVector bytes = content(i * std::size_t{50'000});
        bytes.push_back(i);
        hashes.push_back(proto::sha1_of(bytes));
        write_file(files / std::to_string(i), bytes);
    }
    const auto work = [&](const Child::Report& report) {
        auto store = Store::open(root);
        if (!store) _exit(3);
        for (std::uint8_t i = 0; i < hashes.size(); ++i) {
            if (!store->put(files / std::to_string(i), {})) _exit(4);
            report(i);
        }
        if (!store->put(files, {})) _exit(5);
    };
    std::minstd_rand random(2);
    for (const std::size_t steps : {0u, 1u, 2u, 7u, 19u, 39u, 40u, 40u, 40u}) {
        const auto reports = run_and_kill(work, steps, random() % 10000);
        check_contents(root);
        auto store = Store::open(root);
        for (const std::uint8_t i : reports) CHECK(store->find(hashes[i]));
        for (const auto& entry : fs::recursive_directory_iterator(root))
            CHECK(!entry.path().native().ends_with(TempFile::suffix));
        fs::remove_all(root / "sha1");
    }
}

TEST_CASE("two processes store the same files into one storage at once") {
    TempDir directory;
    const fs::path root = directory.path() / "storage", files = directory.path() / "files";
    fs::create_directories(root);
    for (std::size_t i = 0; i < 30; ++i)
        write_file(files / std::to_string(i), content(i * 100'000));
    const auto work = [&](const Child::Report& report) {
        for (std::size_t i = 0; i < 30; ++i) {
            auto store = Store::open(root);  // each sweeps what it takes for litter
            if (!store || !store->put(files / std::to_string(i), {})) _exit(3);
            report(1);
        }
    };
    const Child first(work), second(work);
    for (int i = 0; i < 30; ++i) {
        REQUIRE(first.next_report());
        first.go_on();
        second.go_on();
        REQUIRE(second.next_report());
    }
    check_contents(root);
    CHECK(files_below(root / "sha1").size() == 30);
}
