// A server of the API with routes that answer in all shapes, on a loop of its own, and a client
// that speaks whatever it is told to.
#pragma once

#include <atomic>
#include <future>
#include <string>
#include <string_view>
#include <thread>

#include "node/api/http_server.hpp"
#include "test/runtime.hpp"
#include "test/temp_dir.hpp"

namespace kp2p::test {

struct Reply {
    int status = 0;  // 0: none came
    std::string head, body;
};

// A bare connection, for requests that no HTTP library would send.
class Raw {
  public:
    Raw() = default;
    explicit Raw(std::uint16_t port);                   // TCP
    explicit Raw(const std::filesystem::path& socket);  // Unix
    static Raw unconnected(const std::filesystem::path& socket);
    void connect();
    Raw(Raw&& other) noexcept
        : path_(std::move(other.path_)), socket_(std::exchange(other.socket_, -1)) {}
    ~Raw() { close(); }
    void close();
    int handle() const { return socket_; }

    void send(std::string_view text);
    // As much as the other end takes; false when it took less.
    bool try_send(std::string_view text);
    std::string read_line();
    std::string read_all();
    Reply read_reply();  // one, its body whole and out of its chunks
    bool is_cut_off() { return read_all().empty(); }

  private:
    std::string read(std::size_t size);
    std::filesystem::path path_;
    int socket_ = -1;
};

// A request with a body of JSON, if there is one; `headers` are lines of their own.
struct Ask {
    std::string method = "POST", path, body = {}, headers = {}, host = "kp2p";
};
std::string text_of(const Ask& ask);

// What the routes below have seen, for the test's thread to wait on.
struct Seen {
    std::promise<void> started, cancelled;
    std::atomic<int> frames{0};  // that were sent
};
bool happens(std::promise<void>& promise);

class ApiServer {
  public:
    explicit ApiServer(HttpLimits limits = HttpLimits());
    ~ApiServer() { stop(); }
    void stop();

    std::uint16_t port() const { return port_; }
    std::filesystem::path socket() const { return directory_.path() / "api.sock"; }
    static proto::ApiToken token();
    std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
    Reply ask(const Ask& ask) const;  // over a Unix socket of its own
    // The value of an Authorization header for a connection over TCP, after a hello on it.
    std::string prove(Raw& raw) const;

    Seen seen;

  private:
    Task<> root(std::promise<void>& ready);
    Task<> serve();
    void add_routes();

    TempDir directory_;
    HttpLimits limits_;
    std::unique_ptr<RealRuntime> real_;  // of the loop
    std::unique_ptr<HttpServer> server_;
    std::uint16_t port_ = 0;
    Executor loop_;
    Tasks* tasks_ = nullptr;
    std::thread thread_;
};

}  // namespace kp2p::test
