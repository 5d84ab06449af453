#include "node/process/relay.hpp"

#include <asio/signal_set.hpp>

#include "node/async/foreign_calls.hpp"
#include "node/async/tasks.hpp"
#include "node/log/log.hpp"
#include "node/net/interfaces.hpp"
#include "node/process/descriptors.hpp"
#include "node/process/own_address.hpp"
#include "node/process/process_end.hpp"
#include "node/relay_server/certificate.hpp"
#include "node/relay_server/relay_server.hpp"
#include "node/store/file.hpp"
#include "node/store/temp_file.hpp"
#include "proto/outcome.hpp"
#include "proto/tunnel/relay_url.hpp"

namespace kp2p {
namespace {

constexpr std::uint16_t https_port = 443;
constexpr std::size_t max_secret_file_bytes = 256 << 10;
using NewToken = Bytes<struct RelayTokenTag, 16>;

std::error_code say_of(std::string& why, const std::filesystem::path& path, std::error_code error) {
    why = path.string() + ": " + error.message();
    return error;
}

Result<std::string> read_text(const std::filesystem::path& path, std::string& why) {
    auto bytes = read_small_file(path, max_secret_file_bytes);
    if (!bytes) return say_of(why, path, bytes.error());
    return std::string(as_text(*bytes));
}

// What the file holds; if there is none, what `make` says, which it then holds, for its owner
// alone.
Result<std::string> read_or_make(const std::filesystem::path& path,
                                 const Result<std::string>& fresh, std::string& why) {
    if (path.empty()) return fresh;
    auto text = read_text(path, why);
    if (text || text.error() != std::errc::no_such_file_or_directory || !fresh) return text;
    const std::filesystem::path folder = path.parent_path().empty() ? "." : path.parent_path();
    auto file = TempFile::create_in(folder, File::Mode::create_secret);
    if (!file) return say_of(why, path, file.error());
    auto kept = file->file().write_at(0, as_bytes(*fresh));
    if (kept) kept = file->publish(path, TempFile::Durability::flush);
    if (!kept) return say_of(why, path, kept.error());
    return fresh;
}

Result<std::string> token_of(const RelaySettings& settings, Random& random, std::string& why) {
    auto text = read_or_make(settings.token_file, random.bytes<NewToken>().hex() + '\n', why);
    if (!text) return text;
    const std::string token = text->substr(0, text->find_first_of("\r\n"));
    if (proto::tunnel::is_token(token)) return token;
    why = settings.token_file.string() + ": a token is 8 to 128 of A-Z a-z 0-9 - _, in one line";
    return Errc::usage;
}

struct RelayTls {
    std::shared_ptr<asio::ssl::context> context;
    std::optional<proto::tunnel::Fingerprint> fingerprint;  // of a certificate of its own
};

Result<RelayTls> tls_of(const RelaySettings& settings, std::string& why) {
    RelayTls tls;
    if (!settings.tls) return tls;
    const bool given = !settings.certificate.empty();
    std::filesystem::path own = settings.token_file;
    if (!own.empty()) own += ".pem";
    auto certificate =
        given ? read_text(settings.certificate, why) : read_or_make(own, make_certificate(), why);
    if (!certificate) return certificate.error();
    auto key = given ? read_text(settings.key, why) : certificate;
    if (!key) return key.error();
    auto context = tls_context(*certificate, *key, why);
    if (!context) return context.error();
    tls.context = *std::move(context);
    if (given) return tls;
    auto fingerprint = fingerprint_of_pem(*certificate);
    if (!fingerprint) return say_of(why, own, fingerprint.error());
    tls.fingerprint = *fingerprint;
    return tls;
}

Result<std::string> url_of(const RelaySettings& settings, const RelayServerConfig& config,
                           const RelayTls& tls, const Endpoint& at, std::string& why) {
    proto::tunnel::RelayUrl url;
    if (settings.url.empty()) {
        url.tls = settings.tls;
        url.host = at.host.text();
        url.port = at.port;
    } else {
        std::string complaint;
        auto parsed = proto::tunnel::RelayUrl::parse(settings.url + '#' + config.token, complaint);
        if (!parsed) {
            why = "--url takes https://HOST[:PORT][/PATH], not " + settings.url + ": " + complaint;
            return Errc::usage;
        }
        url = *std::move(parsed);
    }
    url.token = config.token;
    url.fingerprint = tls.fingerprint;
    return url.text();
}

Task<> end_on_signal(Tasks& all) {
    asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
    co_await signals.async_wait(use_result);
    end_process_within(stop_limit);
    all.cancel();
}

Task<> serve_relay(RelayServer& server, ForeignCalls& foreign,
                   std::function<void(const RelayReady&)> ready, RelayReady what) {
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(end_on_signal(all));
        all.spawn(server.serve());
        auto say = [ready, what]() -> Result<void> { return ready(what), ok; };
        (void)co_await foreign.call("/dev/stdout", say);  // who reads it may not be there
    };
    (void)co_await with_tasks(body);
}

}  // namespace

Result<void> run_relay(const RelaySettings& settings, std::string& why,
                       std::function<void(const RelayReady&)> ready) {
    if (auto allowed = allow_many_descriptors(why); !allowed) return allowed.error();
    asio::io_context loop{1};
    SteadyClock clock;
    SystemRandom random;
    ThreadPool pool(1);
    Runtime runtime{
        loop.get_executor(), clock, random, pool,
        [](const char* room, const std::string& line) { log(LogLevel::info, room, line); }};
    auto token = token_of(settings, random, why);
    if (!token) return token.error();
    auto tls = tls_of(settings, why);
    if (!tls) return tls.error();
    RelayServerConfig config;
    config.listen = settings.listen ? *settings.listen
                                    : Endpoint{host_to_bind({}, loop.get_executor()), https_port};
    config.tls = tls->context;
    config.token = *std::move(token);
    config.udp_host = settings.udp_host.value_or(config.listen.host);
    config.public_host = own_address({config.udp_host, 0}, loop.get_executor()).host;
    config.limits = settings.limits;
    for (const auto& [flag, host] :
         {std::pair("--listen ", config.listen.host), std::pair("--udp-host ", config.udp_host)}) {
        const std::string never = why_never_bound(host);
        if (never.empty()) continue;
        why = flag + host.text() + ": " + never;
        return Errc::usage;
    }
    auto server = RelayServer::open(runtime, config);
    if (!server) {
        why = "TCP " + config.listen.text() + ": " + bind_words(config.listen.host, server.error());
        return server.error();
    }
    const Endpoint at = own_address((*server)->local(), loop.get_executor());
    auto url = url_of(settings, config, *tls, at, why);
    if (!url) return url.error();

    ForeignCalls foreign(runtime);
    std::exception_ptr thrown;
    RelayReady what{(*server)->local(), *std::move(url)};
    asio::co_spawn(loop, serve_relay(**server, foreign, std::move(ready), std::move(what)),
                   [&](std::exception_ptr e) { thrown = e; });
    loop.run();
    if (thrown) std::rethrow_exception(thrown);
    return ok;
}

}  // namespace kp2p
