// A QR code for a terminal, as a phone reads it off.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kp2p {

// Lines of text, two rows of the code each, black on white whatever the terminal's colours are.
// Nothing if the text is too long for one, or this was built without libqrencode.
std::optional<std::string> qr_code(std::string_view text);

}  // namespace kp2p
