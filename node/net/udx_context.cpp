#include "node/net/udx_context.hpp"

namespace kp2p {

UdxContext::UdxContext(Executor executor, Clock& clock, std::uint64_t seed)
    : executor_(executor), clock_(clock), seed_(seed) {}

UdxContext::~UdxContext() = default;

// No stream exists, so no datagram names one.
bool UdxContext::receive(Datagrams&, const Datagram&) { return false; }

void UdxContext::flush() {}

void UdxContext::forget(Datagrams&) {}

}  // namespace kp2p
