// What a person can do about a finding: one sentence each, without a full stop.
#pragma once

#include <string_view>

#include "proto/report/finding.hpp"

namespace kp2p {

std::string_view advice_of(Finding::Code code);

}  // namespace kp2p
