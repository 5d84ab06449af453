#include "node/discover/dns_sd.hpp"

#include <arpa/inet.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

#include "node/discover/dns_sd_calls.hpp"
#include "proto/lookup/lan_announcement.hpp"

namespace kp2p {
namespace {

// How soon a new wish is seen.
constexpr int look_ms = 300;
// For an answer about one service, from the daemon's memory or from its host.
constexpr int answer_looks = 6;
constexpr int other_kind_looks = 3;  // once there are addresses of one
constexpr int max_asked = 3;
// Before the daemon is tried again: it may be about to be started.
constexpr std::chrono::seconds daemon_retry_interval{10};
constexpr std::size_t max_waiting = 2 * LanService::max_found;

// What the loop and the thread have in common.
struct Board {
    std::mutex mutex;
    bool over = false;
    std::condition_variable ends;
    std::optional<LanOffer> offer;
    std::map<std::string, LanFound> found;
    std::string trouble;

    void fail(std::string why) {
        const std::lock_guard lock(mutex);
        found.clear();
        trouble = std::move(why);
    }
};

class Reference {
  public:
    explicit Reference(const DnsSdCalls& calls) : calls_(calls) {}
    Reference(const Reference&) = delete;
    ~Reference() { close(); }
    DNSServiceRef* fresh() {
        close();
        return &reference_;
    }
    void close() {
        if (reference_) calls_.release(reference_);
        reference_ = nullptr;
    }
    explicit operator bool() const { return reference_ != nullptr; }
    // Waits for no longer than that for something to come, and has it handled. False: it is broken.
    bool process(int wait_ms) {
        pollfd readable{calls_.socket(reference_), POLLIN, 0};
        if (::poll(&readable, 1, wait_ms) <= 0) return true;
        return calls_.process(reference_) == kDNSServiceErr_NoError;
    }

  private:
    const DnsSdCalls& calls_;
    DNSServiceRef reference_ = nullptr;
};

// On the thread, for as long as the daemon answers.
class DaemonTalk {
  public:
    DaemonTalk(const DnsSdCalls& calls, std::shared_ptr<Board> board)
        : calls_(calls), board_(std::move(board)), browse_(calls), register_(calls) {}

    void run() {
        start();
        while (browse_ && !over()) {
            if (!browse_.process(look_ms) || gone_) return fail("the daemon for DNS-SD has gone");
            offer();
            look_at_next();
        }
    }

  private:
    struct Instance {
        std::string name, type, domain;
        std::uint32_t interface = 0;
        int asked = 0;  // about it, in vain
        std::string key() const { return std::to_string(interface) + "/" + name; }
    };
    struct Answer {
        bool over = false;
        std::string host;
        LanFound found;
    };
    struct Addresses {  // of one kind
        bool over = false;
        std::vector<Host> hosts;
    };

    bool over() {
        const std::lock_guard lock(board_->mutex);
        return board_->over;
    }

    void start() {
        const auto error =
            calls_.browse(browse_.fresh(), 0, 0, proto::lan_service, nullptr, on_browse, this);
        if (error) return fail("no daemon for DNS-SD answers here (" + std::to_string(error) + ")");
        const std::lock_guard lock(board_->mutex);
        board_->trouble.clear();
    }

    void fail(std::string trouble) {
        browse_.close();
        register_.close();
        board_->fail(std::move(trouble));
    }

    void offer() {
        std::optional<LanOffer> wanted;
        {
            const std::lock_guard lock(board_->mutex);
            wanted = board_->offer;
        }
        if (register_ && !register_.process(0)) return fail("it takes no service");
        if (wanted == offered_) return;
        register_.close();
        offered_ = wanted;
        if (!wanted) return;
        const auto error = calls_.announce(
            register_.fresh(), 0, 0, wanted->name.c_str(), proto::lan_service, nullptr, nullptr,
            htons(wanted->port), static_cast<std::uint16_t>(wanted->txt.size()), wanted->txt.data(),
            on_register, nullptr);
        if (error) fail("it takes no service (" + std::to_string(error) + ")");
    }

    void look_at_next() {
        if (waiting_.empty()) return;
        Instance instance = std::move(waiting_.front());
        waiting_.pop_front();
        Answer answer;
        if (look_at(instance, answer)) {
            const std::lock_guard lock(board_->mutex);
            if (board_->found.size() < LanService::max_found)
                board_->found[instance.key()] = std::move(answer.found);
        } else if (++instance.asked < max_asked) {
            waiting_.push_back(std::move(instance));
        }
    }

    // What it says, and where it is.
    bool look_at(const Instance& instance, Answer& answer) const {
        {
            Reference resolve(calls_);
            if (calls_.resolve(resolve.fresh(), 0, instance.interface, instance.name.c_str(),
                               instance.type.c_str(), instance.domain.c_str(), on_resolve, &answer))
                return false;
            await(resolve, answer);
        }
        if (answer.host.empty()) return false;
        answer.found.hosts = addresses_of(instance, answer.host);
        return !answer.found.hosts.empty();
    }

    // Of both kinds at once: where it has none of one there is no answer about that.
    std::vector<Host> addresses_of(const Instance& instance, const std::string& host) const {
        Addresses v4, v6;
        Reference ask_v4(calls_), ask_v6(calls_);
        const auto ask = [&](Reference& as, std::uint16_t type, Addresses& into) {
            return !calls_.query(as.fresh(), 0, instance.interface, host.c_str(), type,
                                 kDNSServiceClass_IN, on_address, &into);
        };
        if (!ask(ask_v4, kDNSServiceType_A, v4) || !ask(ask_v6, kDNSServiceType_AAAA, v6))
            return {};
        const auto look = [](Reference& at, Addresses& addresses) {
            if (!addresses.over && !at.process(look_ms / 2)) addresses.over = true;
        };
        for (int left = answer_looks; left > 0 && !(v4.over && v6.over); --left) {
            look(ask_v4, v4);
            look(ask_v6, v6);
            const bool found = !v4.hosts.empty() || !v6.hosts.empty();
            if (found) left = std::min(left, 1 + other_kind_looks);
        }
        std::vector<Host> hosts = std::move(v4.hosts);
        hosts.insert(hosts.end(), v6.hosts.begin(), v6.hosts.end());
        if (hosts.size() > LanService::max_hosts) hosts.resize(LanService::max_hosts);
        return hosts;
    }

    static void await(Reference& reference, const Answer& answer) {
        for (int looks = 0; looks < answer_looks && !answer.over; ++looks)
            if (!reference.process(look_ms)) return;
    }

    static void on_register(DNSServiceRef, DNSServiceFlags, DNSServiceErrorType, const char*,
                            const char*, const char*, void*) {}

    static void on_browse(DNSServiceRef, DNSServiceFlags flags, std::uint32_t interface,
                          DNSServiceErrorType error, const char* name, const char* type,
                          const char* domain, void* context) {
        auto& talk = *static_cast<DaemonTalk*>(context);
        if (error) {
            talk.gone_ = true;
            return;
        }
        Instance instance{name, type, domain, interface, 0};
        if (flags & kDNSServiceFlagsAdd) {
            if (talk.waiting_.size() < max_waiting) talk.waiting_.push_back(std::move(instance));
            return;
        }
        std::erase_if(talk.waiting_,
                      [&](const Instance& other) { return other.key() == instance.key(); });
        const std::lock_guard lock(talk.board_->mutex);
        talk.board_->found.erase(instance.key());
    }

    static void on_resolve(DNSServiceRef, DNSServiceFlags, std::uint32_t, DNSServiceErrorType error,
                           const char*, const char* host, std::uint16_t port, std::uint16_t length,
                           const unsigned char* txt, void* context) {
        auto& answer = *static_cast<Answer*>(context);
        answer.over = true;
        if (error || !host || length > proto::max_lan_txt_bytes) return;
        answer.host = host;
        answer.found.port = ntohs(port);
        answer.found.txt.assign(txt, txt + length);
    }

    static void on_address(DNSServiceRef, DNSServiceFlags flags, std::uint32_t interface,
                           DNSServiceErrorType error, const char*, std::uint16_t type,
                           std::uint16_t, std::uint16_t length, const void* data, std::uint32_t,
                           void* context) {
        auto& addresses = *static_cast<Addresses*>(context);
        addresses.over = !(flags & kDNSServiceFlagsMoreComing);
        if (error || addresses.hosts.size() >= LanService::max_hosts) return;
        std::array<std::uint8_t, 4> v4;
        std::array<std::uint8_t, 16> v6;
        if (type == kDNSServiceType_A && length == v4.size()) {
            std::memcpy(v4.data(), data, v4.size());
            addresses.hosts.push_back(Host(v4));
        } else if (type == kDNSServiceType_AAAA && length == v6.size()) {
            std::memcpy(v6.data(), data, v6.size());
            addresses.hosts.push_back(Host(v6).with_zone(interface));
        }
    }

    const DnsSdCalls& calls_;
    std::shared_ptr<Board> board_;
    Reference browse_, register_;
    bool gone_ = false;
    std::optional<LanOffer> offered_;
    std::deque<Instance> waiting_;
};

void keep_talking(std::shared_ptr<Board> board) {
    for (;;) {
        std::string why;
        if (const DnsSdCalls* calls = dns_sd_calls(why))
            DaemonTalk(*calls, board).run();
        else
            board->fail(std::move(why));
        std::unique_lock lock(board->mutex);
        if (board->ends.wait_for(lock, daemon_retry_interval, [&] { return board->over; })) return;
    }
}

class DnsSd final : public LanService {
  public:
    explicit DnsSd(Pool& pool) {
        const auto ask = [board = board_] { keep_talking(board); };
        if (!pool.start(ask)) board_->trouble = "no more threads can be had";
    }
    ~DnsSd() override {
        const std::lock_guard lock(board_->mutex);
        board_->over = true;
        board_->ends.notify_all();
    }
    void announce(std::optional<LanOffer> offer) override {
        const std::lock_guard lock(board_->mutex);
        board_->offer = std::move(offer);
    }
    std::vector<LanFound> found() override {
        const std::lock_guard lock(board_->mutex);
        std::vector<LanFound> found;
        for (const auto& [name, one] : board_->found) found.push_back(one);
        return found;
    }
    std::string trouble() override {
        const std::lock_guard lock(board_->mutex);
        return board_->trouble;
    }

  private:
    std::shared_ptr<Board> board_ = std::make_shared<Board>();
};

}  // namespace

std::unique_ptr<LanService> dns_sd_service(Pool& pool) {
    // Avahi tells everybody who uses this interface to use another one, in the log.
    ::setenv("AVAHI_COMPAT_NOWARN", "1", 1);
    return std::make_unique<DnsSd>(pool);
}

}  // namespace kp2p
