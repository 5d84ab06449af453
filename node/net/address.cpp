#include "node/net/address.hpp"

#include <netdb.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <atomic>
#include <memory>
#include <mutex>

#include "node/async/event.hpp"
#include "node/async/timeout.hpp"
#include "node/threads/thread.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

std::atomic<int> names_asked;  // by threads that may outlive the loop

// What a thread brings, as long as somebody waits for it; it may outlive the loop.
struct NameAnswer {
    std::mutex mutex;
    Event* come = nullptr;  // null: nobody waits any more; changed under the mutex
    // Of the loop's thread alone.
    bool is_there = false;
    Result<std::vector<Host>> hosts;
};

// Lists that block hosts have 0.0.0.0 for them, which would be this computer.
bool may_be_anywhere(const Host& host) {
    return !host.is_unspecified() && host.kind() != HostKind::multicast &&
           host != Host(255, 255, 255, 255);
}

std::vector<Host> by_turns(const std::vector<Host>& hosts) {
    std::vector<Host> first, second, mixed;
    for (const Host& host : hosts) {
        auto& family = host.is_v4() == hosts.front().is_v4() ? first : second;
        const bool known = std::ranges::find(family, host) != family.end();
        if (may_be_anywhere(host) && !known) family.push_back(host);
    }
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) mixed.push_back(first[i]);
        if (i < second.size()) mixed.push_back(second[i]);
    }
    return mixed;
}

bool start_asking(Executor loop, std::shared_ptr<NameAnswer> answer, NameQuestion question) {
    if (++names_asked > max_names_asked) return --names_asked, false;
    const auto body = [loop, answer, question] {
        auto found = question.ask(question.name);
        --names_asked;
        const std::lock_guard lock(answer->mutex);
        if (!answer->come) return;
        asio::post(loop, [answer, found] {
            answer->hosts = found;
            answer->is_there = true;
            if (answer->come) answer->come->notify_all();
        });
    };
    start_thread(body).detach();
    return true;
}

}  // namespace

asio::ip::address to_address(const Host& host) {
    if (host.is_v4()) return asio::ip::address_v4(host.v4());
    return asio::ip::address_v6(host.with_zone(0).bytes(), host.zone());
}

Host from_address(const asio::ip::address& address) {
    if (address.is_v4()) return Host(address.to_v4().to_bytes());
    const asio::ip::address_v6 v6 = address.to_v6();
    return Host(v6.to_bytes()).with_zone(static_cast<std::uint32_t>(v6.scope_id()));
}

Result<std::vector<Host>> ask_resolver(const std::string& name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;  // each address once
    addrinfo* all = nullptr;
    const int failed = ::getaddrinfo(name.c_str(), nullptr, &hints, &all);
    if (failed == EAI_AGAIN || failed == EAI_SYSTEM || failed == EAI_FAIL)
        return make_error_code(asio::error::host_not_found_try_again);
    if (failed != 0) return make_error_code(asio::error::host_not_found);
    std::vector<Host> hosts;
    for (const addrinfo* at = all; at; at = at->ai_next) {
        asio::ip::tcp::endpoint place;
        if (at->ai_addrlen > place.capacity()) continue;
        std::copy_n(reinterpret_cast<const char*>(at->ai_addr), at->ai_addrlen,
                    reinterpret_cast<char*>(place.data()));
        hosts.push_back(from_address(place.address()));
    }
    ::freeaddrinfo(all);
    return hosts;
}

Task<Result<std::vector<Host>>> hosts_of(Clock& clock, NameQuestion question) {
    const Executor loop = co_await asio::this_coro::executor;
    const auto answer = std::make_shared<NameAnswer>();
    Event come(loop);
    answer->come = &come;
    struct Leave {  // also when the caller is cancelled
        NameAnswer& answer;
        ~Leave() {
            const std::lock_guard lock(answer.mutex);
            answer.come = nullptr;
        }
    } leave{*answer};
    const Clock::Time end = clock.now() + question.limit;
    if (!start_asking(loop, answer, std::move(question))) co_return Errc::limit_reached;
    while (!answer->is_there) {
        auto woken = co_await with_timeout(clock, end - clock.now(), come.wait());
        if (!woken && !answer->is_there) co_return woken.error();
    }
    if (!answer->hosts) co_return answer->hosts.error();
    std::vector<Host> hosts = by_turns(*answer->hosts);
    if (hosts.empty()) co_return make_error_code(asio::error::host_not_found);
    co_return hosts;
}

std::string name_words(const std::string& name, std::error_code error) {
    if (error == make_error_code(asio::error::host_not_found)) return name + " has no address";
    const bool unanswered = error == Errc::timed_out ||
                            error == asio::error::operation_aborted ||  // while it was waited for
                            error == make_error_code(asio::error::host_not_found_try_again);
    if (unanswered) return "no name server answers for " + name;
    return name + ": " + error.message();
}

}  // namespace kp2p
