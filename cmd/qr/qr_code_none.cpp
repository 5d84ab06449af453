#include "cmd/qr/qr_code.hpp"

namespace kp2p {

std::optional<std::string> qr_code(std::string_view) { return std::nullopt; }

}  // namespace kp2p
