// What a service manager is told, over a socket that stands in for its own.
#include "node/process/notify.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <optional>
#include <thread>

#include "node/async/tasks.hpp"
#include "test/run.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

class Manager {
  public:
    Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
        const std::string path = directory_.path() / "notify";
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        REQUIRE(path.size() < sizeof at.sun_path);
        path.copy(at.sun_path, path.size());
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    ~Manager() {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
            ::unsetenv(name);
        ::close(socket_);
    }
    // What comes next; nothing if that takes so long.
    std::optional<std::string> next(std::chrono::milliseconds limit) {
        timeval wait{limit.count() / 1000, limit.count() % 1000 * 1000};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        char text[512];
        const ssize_t size = ::recv(socket_, text, sizeof text, 0);
        if (size < 0) return std::nullopt;
        return std::string(text, static_cast<std::size_t>(size));
    }
    void take_all() {
        char text[512];
        while (::recv(socket_, text, sizeof text, MSG_DONTWAIT) >= 0) {
        }
    }

  private:
    TempDir directory_;
    int socket_;
};

// A loop that keeps the manager informed, in a thread of its own.
class Loop {
  public:
    explicit Loop(std::function<std::string()> status) {
        thread_ = std::thread([this, status] {
            auto inform = [&]() -> Task<> {
                auto body = [&](Tasks& all) -> Task<> {
                    all_ = &all;
                    executor_ = co_await asio::this_coro::executor;
                    begun_.set_value();
                    co_await keep_service_manager_informed(clock_, status);
                };
                (void)co_await with_tasks(body);
            };
            run(inform());
        });
        begun_.get_future().wait();
    }
    ~Loop() {
        asio::post(executor_, [this] { all_->cancel(); });
        thread_.join();
    }
    void hang(std::shared_future<void> until) {
        std::promise<void> hangs;
        asio::post(executor_, [&hangs, until] {
            hangs.set_value();
            until.wait();
        });
        hangs.get_future().wait();
    }

  private:
    SteadyClock clock_;
    Executor executor_;
    Tasks* all_ = nullptr;
    std::promise<void> begun_;
    std::thread thread_;
};

}  // namespace

TEST_CASE("signs of life come from the loop, and end when it hangs") {
    Manager manager;
    ::setenv("WATCHDOG_USEC", "100000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    Loop loop([] { return std::string("3 peers"); });
    CHECK(manager.next(10s) == "WATCHDOG=1\nSTATUS=3 peers\n");
    CHECK(manager.next(10s) == "WATCHDOG=1\n");
    std::promise<void> enough;
    loop.hang(enough.get_future().share());
    manager.take_all();
    CHECK_FALSE(manager.next(500ms));
    enough.set_value();
    CHECK(manager.next(10s) == "WATCHDOG=1\n");
}

TEST_CASE("without a watchdog only a status that has changed is told") {
    Manager manager;
    ::setenv("WATCHDOG_USEC", "100000", 1);
    ::setenv("WATCHDOG_PID", "1", 1);  // it watches another
    Loop loop([] { return std::string("3 peers"); });
    CHECK(manager.next(10s) == "STATUS=3 peers\n");
    CHECK_FALSE(manager.next(300ms));
}

TEST_CASE("a manager that reads nothing holds up nobody") {
    Manager manager;
    ::setenv("WATCHDOG_USEC", "200", 1);
    std::promise<void> often;
    int left = 5000;  // more than a socket holds
    Loop loop([&] {
        if (--left == 0) often.set_value();
        return std::to_string(left);
    });
    CHECK(often.get_future().wait_for(60s) == std::future_status::ready);
}
