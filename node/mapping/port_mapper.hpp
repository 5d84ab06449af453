// PortMapper: the door to whatever forwards ports to us. A test's is a router in virtual time.
#pragma once

#include "node/async/asio.hpp"
#include "node/mapping/mapping.hpp"
#include "proto/result.hpp"

namespace kp2p {

class PortMapper {
  public:
    virtual ~PortMapper() = default;
    // Has the ports forwarded, or the time for which they are made longer. Errc::not_found: nobody
    // here does that; Errc::refused: the router does not want to; Errc::timed_out: it did not
    // answer. One call at a time.
    virtual Task<Result<Mapping>> map(MappingWish wish) = 0;
    // Takes back whatever map() has asked for, also when its caller did not wait for the answer.
    virtual Task<Result<void>> unmap() = 0;
};

}  // namespace kp2p
