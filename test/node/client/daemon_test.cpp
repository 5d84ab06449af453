#include "node/client/daemon.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "node/client/http/http.hpp"
#include "proto/outcome.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace std::chrono_literals;
using client::Config;
using client::HttpExchange;
using client::Patience;
using client::Socket;

namespace {

std::string with_length(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string frame(const std::string& bytes) {
    std::string text;
    for (int shift = 0; shift < 32; shift += 8)
        text.push_back(static_cast<char>(bytes.size() >> shift & 0xff));
    return text + bytes;
}

// What answers at the Unix socket of a configuration directory: one answer after another, as they
// are, over one connection until that is closed.
class FalseDaemon {
  public:
    explicit FalseDaemon(std::vector<std::string> answers, int backlog = 16)
        : path_(temp_.path() / "api.sock"), listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path_.c_str());
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, backlog) == 0);
        if (answers.empty()) return;
        thread_ = std::thread([this, answers = std::move(answers)] { serve(answers); });
    }
    ~FalseDaemon() {
        ::shutdown(listener_, SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
        ::close(listener_);
    }
    Config config() const {
        std::string why;
        return *Config::resolve(
            client::Needs::node, {{"--config-dir", {temp_.path().string()}}},
            [](const std::string&) { return std::nullopt; }, why);
    }
    const std::filesystem::path& path() const { return path_; }
    int connections = 0;

  private:
    void serve(const std::vector<std::string>& answers) {
        int connection = -1;
        for (const std::string& answer : answers) {
            if (connection < 0 && (connection = ::accept(listener_, nullptr, nullptr)) < 0) return;
            if (answer.empty() || !has_read_request(connection)) {
                ::close(std::exchange(connection, -1));
                ++connections;
                continue;
            }
            (void)!::write(connection, answer.data(), answer.size());
        }
        ::close(connection);
        ++connections;
    }
    static bool has_read_request(int connection) {
        std::string text;
        for (char c; !text.ends_with("\r\n\r\n");) {
            if (::read(connection, &c, 1) != 1) return false;
            text.push_back(c);
        }
        return true;
    }

    test::TempDir temp_;
    std::filesystem::path path_;
    int listener_;
    std::thread thread_;
};

const client::Request question{"/v1/status", "node", {}, "GET"};
const client::Request work{"/v1/find", "providers"};
const client::Request bytes{"/v1/cat", "bytes"};

}  // namespace

TEST_CASE("an answer is one only if it is what the call promises") {
    struct Row {
        const char* name;
        std::string answer;
        std::error_code error;
    };
    const std::string good = R"({"node":"x"})", chunked = "Transfer-Encoding: chunked\r\n\r\n";
    const std::string ok200 = "HTTP/1.1 200 OK\r\n";
    const Row rows[] = {
        {"by length", with_length(200, good), {}},
        {"in chunks",
         ok200 + chunked + "5\r\n{\"nod\r\n7;x\r\ne\":\"x\"}\r\n0\r\nA: b\r\n\r\n",
         {}},
        {"until it ends", "HTTP/1.0 200 \r\n\r\n" + good, {}},
        {"a page", with_length(200, "<html>hello</html>"), Errc::failed},
        {"no such key", with_length(200, "{}"), Errc::failed},
        {"no object", with_length(200, "[]"), Errc::failed},
        {"an error", with_length(400, R"({"code":"usage","message":"why"})"), Errc::usage},
        {"an error of another", with_length(404, "not here"), Errc::failed},
        {"no HTTP", "SSH-2.0-x\r\n", Errc::failed},
        {"a head without end", ok200 + std::string(20'000, 'x'), Errc::failed},
        {"many headers",
         ok200 +
             [] {
                 std::string text;
                 for (int i = 0; i < 5000; ++i) text += "a: b\r\n";
                 return text;
             }(),
         Errc::failed},
        {"bad length", ok200 + "Content-Length: x\r\n\r\n", Errc::failed},
        {"bad chunk", ok200 + chunked + "x\r\n", Errc::failed},
        {"cut off", ok200 + "Content-Length: 100\r\n\r\n{", Errc::closed},
        {"cut off in a chunk", ok200 + chunked + "9\r\n{", Errc::closed},
        {"cut off in its head", "HTTP/1.1 200 OK\r\nCont", Errc::closed},
        {"nothing", "", Errc::closed},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const FalseDaemon server({row.answer});
        client::Daemon daemon(server.config());
        auto answer = daemon.request(question);
        CHECK((answer ? std::error_code() : answer.error()) == row.error);
        if (answer) CHECK(answer->string("node") == "x");
        if (row.error == Errc::usage) CHECK(daemon.message() == "why");
        CHECK(answer.error() != Errc::no_daemon);
    }
}

TEST_CASE("long work ends with the line that it promises, or is an error") {
    struct Row {
        const char* name;
        std::string body;
        std::error_code error;
    };
    const std::string provider = "{\"event\":\"provider\"}\n";
    const Row rows[] = {
        {"done", provider + "{\"event\":\"result\",\"providers\":1}\n", {}},
        {"a result of other work", "{\"event\":\"result\"}\n", Errc::failed},
        {"an error", provider + "{\"event\":\"error\",\"code\":\"not_found\"}\n", Errc::not_found},
        {"no result", provider, Errc::closed},
        {"a page", "<html>\n", Errc::failed},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const FalseDaemon server({with_length(200, row.body)});
        client::Daemon daemon(server.config());
        const auto on_event = [](const client::Answer&) -> Result<void> { return ok; };
        auto answer = daemon.events(work, on_event);
        CHECK((answer ? std::error_code() : answer.error()) == row.error);
    }
}

TEST_CASE("bytes are whole only with the line after them") {
    struct Row {
        const char* name;
        std::string body;
        std::error_code error;
    };
    const Row rows[] = {
        {"done", frame("ab") + frame("c") + frame("") + "{\"event\":\"result\",\"bytes\":3}\n", {}},
        {"an error", frame("abc") + frame("") + "{\"event\":\"error\",\"code\":\"canceled\"}\n",
         Errc::canceled},
        {"no last line", frame("abc") + frame(""), Errc::closed},
        {"half a last line", frame("abc") + frame("") + "{\"event\":\"result\",\"bytes\":3}",
         Errc::closed},
        {"half a frame", frame("abc").substr(0, 7), Errc::closed},
        {"a frame that is none", "<html>", Errc::failed},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const FalseDaemon server({with_length(200, row.body)});
        client::Daemon daemon(server.config());
        std::string got;
        const auto take = [&](ByteView piece) -> Result<void> {
            got += as_text(piece);
            return ok;
        };
        auto answer = daemon.frames(bytes, take);
        CHECK((answer ? std::error_code() : answer.error()) == row.error);
        if (answer) CHECK(got == "abc");
    }
}

TEST_CASE("what is too long for an answer is said to be") {
    struct Row {
        const char* what;
        std::string answer;
    };
    const Row rows[] = {
        {"headers of more than 16 KiB", "HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'x')},
        {"a line of more than 16384 KiB", with_length(200, std::string((16 << 20) + 1, ' '))},
        {"a frame of more than 4096 KiB", with_length(200, std::string("\1\0\100\0", 4))},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        const FalseDaemon server({row.answer});
        client::Daemon daemon(server.config());
        Result<client::Answer> answer = Errc::failed;
        if (std::string_view(row.what).starts_with("a frame"))
            answer = daemon.frames(bytes, [](ByteView) -> Result<void> { return ok; });
        else
            answer = daemon.request(question);
        CHECK(answer.error() == Errc::failed);
        CHECK(daemon.message() ==
              "the daemon sent what is no answer: it sent " + std::string(row.what));
    }
}

TEST_CASE("requests follow each other on one connection, or on the next if it was closed") {
    const std::string answer = with_length(200, R"({"node":"x"})");
    FalseDaemon server({answer, answer, "", answer});
    client::Daemon daemon(server.config());
    CHECK(daemon.request(question));
    CHECK(daemon.request(question));
    auto third = daemon.request(question);  // it may see the end only when it asks
    if (third) return;
    CHECK(third.error() == Errc::closed);
    CHECK(daemon.request(question));
}

TEST_CASE("a server that does not answer, or does not take us in, is not missing") {
    const FalseDaemon server({}, 0);
    const Patience short_one{50ms};
    std::vector<Socket> waiting;
    for (;;) {
        auto socket = Socket::connect(server.path(), short_one);
        if (!socket) {
            CHECK(socket.error() == Errc::timed_out);
            break;
        }
        waiting.push_back(*std::move(socket));
    }
    REQUIRE(!waiting.empty());
    HttpExchange exchange(std::move(waiting.back()));
    CHECK(exchange.ask({"GET", "/", "x"}, short_one).error() == Errc::timed_out);
    std::stop_source stop;
    stop.request_stop();
    CHECK(Socket::connect(server.path(), {1h, stop.get_token()}).error() == Errc::canceled);
}

TEST_CASE("a server that sends a byte now and then is not waited for beyond the end") {
    auto ends = Socket::pair();
    REQUIRE(ends);
    std::thread server([fd = ends->second] {
        for (int i = 0; i < 2000 && ::send(fd, "H", 1, MSG_NOSIGNAL) == 1; ++i)
            std::this_thread::sleep_for(1ms);
        ::close(fd);
    });
    {
        HttpExchange exchange(std::move(ends->first));
        Patience patience{1h};
        patience.end = std::chrono::steady_clock::now() + 100ms;
        CHECK(exchange.ask({"GET", "/", "x"}, patience).error() == Errc::timed_out);
    }
    server.join();
}

TEST_CASE("a socket that nobody listens at is no daemon") {
    test::TempDir temp;
    CHECK(Socket::connect(temp.path() / "api.sock", {1s}).error() == Errc::no_daemon);
    std::filesystem::path left;
    {
        const FalseDaemon server({});
        left = temp.path() / "left";
        std::filesystem::create_hard_link(server.path(), left);
    }
    CHECK(Socket::connect(left, {1s}).error() == Errc::no_daemon);
}

TEST_CASE("the Unix socket is taken unless another port was named") {
    const FalseDaemon server({});
    const auto dir = server.path().parent_path();
    std::ofstream(dir / "api-port") << "4242\n";
    struct Row {
        std::optional<std::uint16_t> told;
        bool socket;
    };
    for (const Row& row : {Row{{}, true}, Row{4242, true}, Row{0, true}, Row{4243, false}}) {
        CAPTURE(row.told.value_or(1));
        std::string why;
        client::Flags flags{{"--config-dir", {dir.string()}}};
        if (row.told) flags["--api-port"] = {std::to_string(*row.told)};
        auto config = Config::resolve(
            client::Needs::daemon, flags, [](const std::string&) { return std::nullopt; }, why);
        REQUIRE(config);
        CHECK(config->api_socket().has_value() == row.socket);
    }
}
