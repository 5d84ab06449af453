#include "node/api/http_listener.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace kp2p {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int send_flags = MSG_NOSIGNAL;
#else
constexpr int send_flags = 0;  // httplib::Server has SIGPIPE ignored
#endif

using Deadline = std::chrono::steady_clock::time_point;

// One connection as httplib wants it: buffered reads until the deadline, writes that wait as long
// as the client takes.
class SocketStream final : public httplib::Stream {
  public:
    SocketStream(socket_t socket, Deadline reads_end) : socket_(socket), reads_end_(reads_end) {}

    bool is_readable() const override { return true; }
    // Whether the client is still there; write() itself waits for room.
    bool is_writable() const override {
        char byte;
        const auto peeked = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return peeked > 0 || (peeked < 0 && (errno == EAGAIN || errno == EINTR));
    }
    ssize_t read(char* into, std::size_t size) override {
        if (at_ == end_) {
            if (!wait_for_bytes()) return -1;
            const auto got = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
            if (got <= 0) return got;
            at_ = 0;
            end_ = static_cast<std::size_t>(got);
        }
        const std::size_t taken = std::min(size, end_ - at_);
        std::copy_n(buffer_.data() + at_, taken, into);
        at_ += taken;
        return static_cast<ssize_t>(taken);
    }
    ssize_t write(const char* from, std::size_t size) override {
        for (;;) {
            const auto sent = ::send(socket_, from, size, send_flags);
            if (sent >= 0 || errno != EINTR) return sent;
        }
    }
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return socket_; }

  private:
    bool wait_for_bytes() const {
        pollfd wait{socket_, POLLIN, 0};
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                reads_end_ - std::chrono::steady_clock::now());
            if (left.count() <= 0) return false;
            const int ready = ::poll(&wait, 1, static_cast<int>(left.count()));
            if (ready > 0) return true;
            if (ready < 0 && errno != EINTR) return false;
        }
    }

    socket_t socket_;
    Deadline reads_end_;
    std::array<char, 4096> buffer_;
    std::size_t at_ = 0, end_ = 0;
};

}  // namespace

// Hands connections to threads, and holds the accepting thread up while none is free.
class HttpListener::Workers final : public httplib::TaskQueue {
  public:
    explicit Workers(HttpListener& listener) : listener_(listener) {
        for (std::size_t i = 0; i < thread_count; ++i) threads_.emplace_back([this] { work(); });
    }
    void enqueue(std::function<void()> job) override {
        std::unique_lock lock(listener_.mutex_);
        listener_.changed_.wait(lock, [this] { return idle_ > jobs_.size() || ended_; });
        jobs_.push_back(std::move(job));
        listener_.changed_.notify_all();
    }
    void shutdown() override {
        {
            const std::lock_guard lock(listener_.mutex_);
            ended_ = true;
            listener_.changed_.notify_all();
        }
        for (std::thread& thread : threads_) thread.join();
    }

  private:
    void work() {
        std::unique_lock lock(listener_.mutex_);
        for (;;) {
            ++idle_;
            listener_.changed_.notify_all();
            listener_.changed_.wait(lock, [this] { return ended_ || !jobs_.empty(); });
            --idle_;
            if (jobs_.empty()) return;
            const auto job = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            job();
            lock.lock();
        }
    }

    HttpListener& listener_;
    std::vector<std::thread> threads_;
    std::deque<std::function<void()>> jobs_;
    std::size_t idle_ = 0;
    bool ended_ = false;
};

// The entry of one connection among the open ones.
class HttpListener::Open {
  public:
    Open(HttpListener& listener, socket_t socket) : listener_(listener), socket_(socket) {
        const std::lock_guard lock(listener_.mutex_);
        listener_.open_.insert(socket_);
    }
    ~Open() {
        const std::lock_guard lock(listener_.mutex_);
        listener_.open_.erase(socket_);
        ::shutdown(socket_, SHUT_RDWR);
        ::close(socket_);
        listener_.changed_.notify_all();
    }

  private:
    HttpListener& listener_;
    socket_t socket_;
};

HttpListener::HttpListener(std::chrono::milliseconds request_limit)
    : request_limit_(request_limit) {
    new_task_queue = [this] { return new Workers(*this); };
    set_tcp_nodelay(true);
    // httplib would share the port with another process that asks for it.
    set_socket_options([](socket_t socket) {
        const int yes = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
}

HttpListener::~HttpListener() = default;

void HttpListener::start() {
    acceptor_ = std::thread([this] { listen_after_bind(); });
    while (!is_running()) std::this_thread::yield();  // stop() does nothing before
}

void HttpListener::stop(std::chrono::milliseconds grace) {
    if (!acceptor_.joinable()) return;
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, grace, [this] { return open_.empty(); });
    }
    httplib::Server::stop();  // from here on httplib drops the rest of streamed answers
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const socket_t socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    acceptor_.join();
}

bool HttpListener::process_and_close_socket(socket_t socket) {
    const Open open(*this, socket);
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return false;
    }
    SocketStream stream(socket, std::chrono::steady_clock::now() + request_limit_);
    bool closed = false;
    return process_request(stream, true, closed, nullptr);
}

}  // namespace kp2p
