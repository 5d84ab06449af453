#include "node/api/http_server.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <charconv>

#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;
using Protocol = asio::generic::stream_protocol;
using SocketAcceptor = asio::basic_socket_acceptor<Protocol>;

// When the system has no descriptor or memory for one more: until some were given back.
constexpr std::chrono::milliseconds accept_pause = 20ms;

Result<SocketAcceptor> listen_on_tcp(Executor loop, std::uint16_t port) {
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
    SocketAcceptor acceptor(loop);
    std::error_code error;
    acceptor.open(Protocol(asio::ip::tcp::v4()), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(Protocol::endpoint(endpoint), error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) return Errc::port_in_use;
    if (error) return error;
    return acceptor;
}

// As chown reads it: a name, which may look like a number, or else the number; "+N" is always one.
std::optional<gid_t> group_id(const std::string& text) {
    if (const auto* found = ::getgrnam(text.c_str())) return found->gr_gid;
    const char* const end = text.data() + text.size();
    const char* const start = text.data() + (text.starts_with('+') ? 1 : 0);
    gid_t id = 0;
    const auto read = std::from_chars(start, end, id);
    const bool whole = read.ec == std::errc() && read.ptr == end;
    if (!whole || id == static_cast<gid_t>(-1)) return std::nullopt;  // to chown() that is none
    return id;
}

// For its owner alone, or for a group as well. Errc::usage: there is no such group.
std::error_code set_rights(const std::filesystem::path& path, const std::string& group) {
    mode_t rights = S_IRUSR | S_IWUSR;
    if (!group.empty()) {
        const auto id = group_id(group);
        if (!id) return Errc::usage;
        struct stat made {};
        if (::stat(path.c_str(), &made) != 0) return {errno, std::generic_category()};
        // Where it has the group already, a service manager may let nobody change it.
        if (made.st_gid != *id && ::chown(path.c_str(), static_cast<uid_t>(-1), *id) != 0)
            return {errno, std::generic_category()};
        rights |= S_IRGRP | S_IWGRP;
    }
    if (::chmod(path.c_str(), rights) != 0) return {errno, std::generic_category()};
    return {};
}

// What a process that has ended has left is nobody's.
bool is_left_over(Executor loop, const asio::local::stream_protocol::endpoint& endpoint) {
    std::error_code error;
    asio::local::stream_protocol::socket probe(loop);
    probe.open(asio::local::stream_protocol(), error);
    probe.non_blocking(true, error);
    probe.connect(endpoint, error);
    return error == asio::error::connection_refused;
}

// The socket has its rights before anybody can connect to it.
Result<SocketAcceptor> listen_on_socket(Executor loop, const std::filesystem::path& path,
                                        const std::string& group) {
    std::error_code error;
    if (path.native().size() >= sizeof(sockaddr_un().sun_path))
        return make_error_code(std::errc::filename_too_long);
    const asio::local::stream_protocol::endpoint endpoint(path.native());
    if (std::filesystem::is_socket(path, error)) {
        if (is_left_over(loop, endpoint)) std::filesystem::remove(path, error);
    } else if (std::filesystem::exists(path, error)) {
        return make_error_code(std::errc::file_exists);
    }
    error.clear();
    SocketAcceptor acceptor(loop);
    acceptor.open(Protocol(asio::local::stream_protocol()), error);
    if (!error) acceptor.bind(Protocol::endpoint(endpoint), error);
    if (error) return error;
    error = set_rights(path, group);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return acceptor;
    ::unlink(path.c_str());
    return error;
}

std::optional<uid_t> peer_of(int socket) {
#ifdef SO_PEERCRED
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return std::nullopt;
    return credentials.uid;
#else
    uid_t user;
    gid_t group;
    if (::getpeereid(socket, &user, &group) != 0) return std::nullopt;
    return user;
#endif
}

// Its rights keep others out already, where the file system heeds them.
bool is_trusted(int socket) {
    const auto user = peer_of(socket);
    return user && (*user == ::geteuid() || *user == 0);
}

bool is_unproven(const HttpConnection* connection) { return connection->is_unproven(); }
bool is_idle(const HttpConnection* connection) { return connection->is_idle(); }

HttpConnection* first(const std::list<HttpConnection*>& connections,
                      bool (*fits)(const HttpConnection*)) {
    const auto found = std::find_if(connections.begin(), connections.end(), fits);
    return found == connections.end() ? nullptr : *found;
}

}  // namespace

// The entry of one connection in its line.
class HttpServer::Listed {
  public:
    Listed(Line& line, HttpConnection& connection, Event& changed)
        : line_(line), at_(line.open.insert(line.open.end(), &connection)), changed_(changed) {}
    Listed(const Listed&) = delete;
    ~Listed() {
        line_.open.erase(at_);
        changed_.notify_all();
    }

  private:
    Line& line_;
    std::list<HttpConnection*>::iterator at_;
    Event& changed_;
};

Result<std::unique_ptr<HttpServer>> HttpServer::open(Runtime& runtime,
                                                     const HttpServerConfig& config) {
    auto tcp = listen_on_tcp(runtime.executor, config.port);
    if (!tcp) return tcp.error();
    asio::ip::tcp::endpoint bound;
    std::error_code error;
    const auto local = tcp->local_endpoint(error);
    if (error) return error;
    std::memcpy(bound.data(), local.data(), std::min(bound.capacity(), local.size()));
    std::unique_ptr<HttpServer> server(new HttpServer(runtime, config, bound.port()));
    server->tcp_.acceptor = *std::move(tcp);
    if (config.socket.empty()) return server;
    auto socket = listen_on_socket(runtime.executor, config.socket, config.group);
    if (!socket) {
        server->socket_error_ = socket.error();
        return server;
    }
    server->socket_ = config.socket;
    server->for_group_ = !config.group.empty();
    server->local_.acceptor = *std::move(socket);
    return server;
}

HttpServer::HttpServer(Runtime& runtime) : HttpServer(runtime, HttpServerConfig(), 0) {}

HttpServer::HttpServer(Runtime& runtime, const HttpServerConfig& config, std::uint16_t port)
    : port_(port),
      terms_{runtime, config.limits, Guard(config.token, port), WebSessions(runtime),
             [this] { changed_.notify_all(); }},
      changed_(runtime.executor) {}

HttpServer::~HttpServer() {
    std::error_code ignored;
    if (!socket_.empty()) std::filesystem::remove(socket_, ignored);
}

void HttpServer::on(Method method, const std::string& path, Shape shape, Handler handler,
                    Access access) {
    const char* const names[] = {"GET ", "POST ", "DELETE "};
    terms_.routes[names[static_cast<int>(method)] + path] =
        HttpRoute{shape, BodyKind::json, access, std::move(handler)};
}

void HttpServer::on_bytes(const std::string& path, Handler handler) {
    terms_.routes["POST " + path] =
        HttpRoute{Shape::json, BodyKind::bytes, Access::proven, std::move(handler)};
}

Task<Result<void>> HttpServer::serve() {
    auto body = [this](Tasks& tasks) -> Task<> {
        for (Line* line : {&local_, &tcp_})
            if (line->acceptor) tasks.spawn(accept_loop(*line, tasks));
        co_return;
    };
    auto ended = co_await with_tasks(body);
    tcp_.acceptor.reset();
    local_.acceptor.reset();
    co_return ended;
}

Task<> HttpServer::accept_loop(Line& line, Tasks& tasks) {
    for (;;) {
        // First, because accepting fails for want of a descriptor also while nobody wants in.
        auto [waited] = co_await line.acceptor->async_wait(SocketAcceptor::wait_read, use_result);
        if (waited) co_return;
        auto [error, socket] = co_await line.acceptor->async_accept(use_result);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            make_room();
            auto slept = co_await terms_.runtime.clock.sleep_for(accept_pause);
            if (!slept) co_return;
            continue;
        }
        if (line.way == Way::tcp || for_group_ || is_trusted(socket.native_handle()))
            tasks.spawn(serve_connection(std::move(socket), line));
        while (!claim_room(line)) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return;
        }
    }
}

Task<> HttpServer::serve_connection(Wire::Socket socket, Line& line) {
    HttpConnection connection(std::move(socket), line.way, terms_);
    const Listed listed(line, connection, changed_);
    co_await connection.serve();
}

bool HttpServer::claim_room(const Line& line) {
    const auto& open = line.open;
    const auto count = std::count_if(open.begin(), open.end(), is_unproven);
    if (static_cast<std::size_t>(count) > terms_.limits.unproven) first(open, is_unproven)->close();
    if (open.size() < terms_.limits.connections) return true;
    if (auto* one = first(open, is_idle)) one->close();
    return false;
}

// An idle client finds its connection closed, and makes another.
void HttpServer::make_room() {
    if (auto* one = first(tcp_.open, is_unproven)) return one->close();
    for (Line* line : {&tcp_, &local_})
        if (auto* one = first(line->open, is_idle)) return one->close();
}

}  // namespace kp2p
