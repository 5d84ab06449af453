#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "node/net/nat64.hpp"
#include "node/net/udp_batch.hpp"

namespace kp2p {
namespace {

constexpr std::size_t messages_per_call = 16;
constexpr std::size_t max_message_bytes = 65536;  // a run of datagrams that the kernel joined
constexpr std::size_t max_run_bytes = 65507;      // of UDP payload in one send
constexpr std::size_t max_run_segments = 64;
constexpr std::size_t max_pieces = 512;  // below the kernel's limit of 1024

// An address as the socket's family has it. An IPv6 socket takes IPv4 as IPv4-mapped.
union Address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

Address to_system(const Endpoint& endpoint, int family) {
    Address address{};
    if (family == AF_INET) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(endpoint.port);
        std::memcpy(&address.v4.sin_addr, endpoint.host.bytes().data() + 12, 4);
    } else {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(endpoint.port);
        std::memcpy(&address.v6.sin6_addr, endpoint.host.bytes().data(), 16);
    }
    return address;
}

socklen_t size_of(int family) {
    return family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

Endpoint from_system(const Address& address) {
    if (address.any.sa_family == AF_INET) {
        std::array<std::uint8_t, 4> host;
        std::memcpy(host.data(), &address.v4.sin_addr, host.size());
        return {host, ntohs(address.v4.sin_port)};
    }
    std::array<std::uint8_t, 16> host;
    std::memcpy(host.data(), &address.v6.sin6_addr, host.size());
    return {before_nat64(Host(host)), ntohs(address.v6.sin6_port)};
}

union Control {  // ancillary data, aligned
    char bytes[CMSG_SPACE(sizeof(int))];
    cmsghdr align;
};

template <class Int>
void put_control(msghdr& message, Control& control, int level, int type, Int value) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof value);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(header), &value, sizeof value);
}

// A filter of system calls refuses, by that, those which it does not know.
bool is_refused_call(int error) { return error == ENOSYS || error == EPERM; }

// As many as there are room and datagrams for, or one: -1 with errno if none.
int receive_into(int fd, std::span<mmsghdr> messages) {
    const auto most = static_cast<unsigned>(messages.size());
    const int count = ::recvmmsg(fd, messages.data(), most, MSG_DONTWAIT, nullptr);
    if (count >= 0 || !is_refused_call(errno)) return count;
    const ssize_t size = ::recvmsg(fd, &messages.front().msg_hdr, MSG_DONTWAIT);
    if (size < 0) return -1;
    messages.front().msg_len = static_cast<unsigned>(size);
    return 1;
}

// How many of them, or -1 with errno.
int send_from(int fd, std::span<mmsghdr> messages) {
    const auto most = static_cast<unsigned>(messages.size());
    const int count = ::sendmmsg(fd, messages.data(), most, MSG_DONTWAIT);
    if (count >= 0 || !is_refused_call(errno)) return count;
    return ::sendmsg(fd, &messages.front().msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1;
}

// How long each of the joined datagrams is; all of it if nothing was joined.
std::size_t segment_bytes_of(msghdr& message, std::size_t all) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO) continue;
        int size = 0;
        std::memcpy(&size, CMSG_DATA(c), sizeof size);
        if (size > 0) return static_cast<std::size_t>(size);
    }
    return all;
}

}  // namespace

struct UdpBatch::State {
    int fd;
    int family;
    bool joins_sends = true;  // until the kernel or the device says that it cannot
    int refusal = 0;          // the error of the last send
    std::unique_ptr<std::uint8_t[]> buffer;
    std::array<mmsghdr, messages_per_call> headers;
    std::array<iovec, messages_per_call> buffers;
    std::array<Address, messages_per_call> sources;
    std::array<Control, messages_per_call> controls;
    std::vector<Datagram> received;
    std::vector<iovec> run;

    void send_run(const Endpoint& to, std::size_t run_bytes, std::size_t segment_bytes);
    void send_each(Address& address, std::size_t segment_bytes);
    void allow_fragments(bool allowed);
    bool note(ssize_t sent) {
        refusal = sent < 0 ? errno : 0;
        return sent >= 0;
    }
    bool reaches(const Endpoint& to) const { return family != AF_INET || to.host.is_v4(); }
};

const bool UdpBatch::by_handle = true;

UdpBatch::UdpBatch(asio::ip::udp::socket& socket) : state_(std::make_unique<State>()) {
    State& s = *state_;
    s.fd = socket.native_handle();
    std::error_code ignored;
    s.family = socket.local_endpoint(ignored).protocol().family();
    // Only pages that datagrams reach are ever touched.
    s.buffer =
        std::make_unique_for_overwrite<std::uint8_t[]>(messages_per_call * max_message_bytes);
    s.allow_fragments(false);
    const int on = 1;
    ::setsockopt(s.fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
}

UdpBatch::~UdpBatch() = default;

// IPv6 is cut up here and nowhere else, so what every way takes is the size of the fragments.
void UdpBatch::State::allow_fragments(bool allowed) {
    const int v4 = allowed ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE;
    ::setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
    if (family != AF_INET6) return;
    const int v6 = allowed ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_PROBE;
    const int fragment_bytes = allowed ? 1280 : 0;
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &fragment_bytes, sizeof fragment_bytes);
}

std::span<const Datagram> UdpBatch::receive(std::error_code& error) {
    State& s = *state_;
    for (std::size_t i = 0; i < messages_per_call; ++i) {
        s.buffers[i] = {s.buffer.get() + i * max_message_bytes, max_message_bytes};
        msghdr& header = s.headers[i].msg_hdr;
        header = {};
        header.msg_name = &s.sources[i];
        header.msg_namelen = sizeof s.sources[i];
        header.msg_iov = &s.buffers[i];
        header.msg_iovlen = 1;
        header.msg_control = s.controls[i].bytes;
        header.msg_controllen = sizeof s.controls[i].bytes;
    }
    s.received.clear();
    const int count = receive_into(s.fd, s.headers);
    if (count < 0) {
        error = {errno, asio::error::get_system_category()};
        return {};
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const Endpoint from = from_system(s.sources[i]);
        ByteView rest(s.buffer.get() + i * max_message_bytes, s.headers[i].msg_len);
        const std::size_t each = segment_bytes_of(s.headers[i].msg_hdr, rest.size());
        do {
            const std::size_t size = std::min(each, rest.size());
            s.received.push_back({from, rest.first(size)});
            rest = rest.subspan(size);
        } while (!rest.empty());
    }
    error = {};
    return s.received;
}

void UdpBatch::send(const Endpoint& to, std::span<const ByteView> pieces,
                    std::size_t segment_bytes) {
    State& s = *state_;
    if (!s.reaches(to)) return;
    const std::size_t segments =
        std::min(max_run_segments, std::max<std::size_t>(1, max_run_bytes / segment_bytes));
    const std::size_t limit = segments * segment_bytes;
    std::size_t bytes = 0;
    s.run.clear();
    for (ByteView piece : pieces) {
        while (!piece.empty()) {
            const bool at_boundary = bytes % segment_bytes == 0;
            if (bytes == limit || (at_boundary && bytes && s.run.size() + 64 > max_pieces)) {
                s.send_run(to, bytes, segment_bytes);
                s.run.clear();
                bytes = 0;
            }
            const std::size_t size = std::min(piece.size(), segment_bytes - bytes % segment_bytes);
            auto* data = const_cast<std::uint8_t*>(piece.data());  // sendmsg only reads
            s.run.push_back({data, size});
            bytes += size;
            piece = piece.subspan(size);
        }
    }
    s.send_run(to, bytes, segment_bytes);
}

void UdpBatch::State::send_run(const Endpoint& to, std::size_t run_bytes,
                               std::size_t segment_bytes) {
    Address address = to_system(to, family);
    if (run_bytes > segment_bytes && !joins_sends) return send_each(address, segment_bytes);
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = size_of(family);
    message.msg_iov = run.data();
    message.msg_iovlen = run.size();
    Control control{};
    if (run_bytes > segment_bytes)
        put_control(message, control, IPPROTO_UDP, UDP_SEGMENT,
                    static_cast<std::uint16_t>(segment_bytes));
    if (note(::sendmsg(fd, &message, MSG_DONTWAIT)) || run_bytes <= segment_bytes) return;
    // A device without checksum offload refuses with EIO for good; EINVAL may concern this run.
    if (refusal == EIO || refusal == EOPNOTSUPP || refusal == ENOPROTOOPT) joins_sends = false;
    if (!joins_sends || refusal == EINVAL) send_each(address, segment_bytes);
}

void UdpBatch::State::send_each(Address& address, std::size_t segment_bytes) {
    std::array<mmsghdr, max_run_segments> messages{};
    std::size_t count = 0, bytes = 0;
    for (iovec& piece : run) {
        if (bytes % segment_bytes == 0) {
            msghdr& message = messages[count++].msg_hdr;
            message.msg_name = &address;
            message.msg_namelen = size_of(family);
            message.msg_iov = &piece;
        }
        ++messages[count - 1].msg_hdr.msg_iovlen;
        bytes += piece.iov_len;
    }
    for (std::size_t sent = 0; sent < count;) {
        const int n = send_from(fd, std::span(messages).subspan(sent, count - sent));
        note(n);
        sent += n > 0 ? static_cast<std::size_t>(n) : 1;  // the one that failed is lost
    }
}

void UdpBatch::send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) {
    if (!state_->reaches(to)) return;
    Address address = to_system(to, state_->family);
    iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = size_of(state_->family);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    Control control{};
    if (to.host.is_v4())
        put_control(message, control, IPPROTO_IP, IP_TTL, ttl);
    else
        put_control(message, control, IPPROTO_IPV6, IPV6_HOPLIMIT, ttl);
    ::sendmsg(state_->fd, &message, MSG_DONTWAIT);
}

void UdpBatch::send_in_fragments(const Endpoint& to, ByteView bytes) {
    state_->allow_fragments(true);
    send(to, {&bytes, 1}, std::max<std::size_t>(1, bytes.size()));
    state_->allow_fragments(false);
}

std::error_code UdpBatch::refusal() const {
    switch (const int error = state_->refusal) {
        case EPERM:
        case EACCES:
        case ENETUNREACH:
        case EHOSTUNREACH:
        case ENETDOWN:
        case EADDRNOTAVAIL:
            return {error, std::generic_category()};
        default:
            return {};  // a datagram lost, as others are
    }
}

std::size_t UdpBatch::route_mtu_bytes(const Endpoint& to) const {
    const bool v4 = to.host.is_v4();
    const int family = v4 ? AF_INET : AF_INET6;
    const int fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 1500;
    const Address address = to_system(to, family);
    int mtu = 0;
    socklen_t length = sizeof mtu;
    const bool known = ::connect(fd, &address.any, size_of(family)) == 0 &&
                       ::getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU,
                                    &mtu, &length) == 0 &&
                       mtu > 0;
    ::close(fd);
    return known ? static_cast<std::size_t>(mtu) : 1500;
}

}  // namespace kp2p
