#include "cmd/qr/qr_code.hpp"

#include <qrencode.h>

#include <memory>

namespace kp2p {
namespace {

constexpr int quiet_zone = 4;  // modules around it, as ISO/IEC 18004 has them
constexpr std::string_view black_on_white = "\x1b[30;107m", as_before = "\x1b[0m";

}  // namespace

std::optional<std::string> qr_code(std::string_view text) {
    const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
        QRcode_encodeData(static_cast<int>(text.size()),
                          reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_L),
        QRcode_free);
    if (!code) return std::nullopt;
    const int width = code->width;
    const auto is_black = [&](int row, int column) {
        if (row < 0 || column < 0 || row >= width || column >= width) return false;
        return (code->data[row * width + column] & 1) != 0;
    };
    std::string lines;
    for (int row = -quiet_zone; row < width + quiet_zone; row += 2) {
        lines += black_on_white;
        for (int column = -quiet_zone; column < width + quiet_zone; ++column) {
            const bool upper = is_black(row, column), lower = is_black(row + 1, column);
            lines += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
        }
        lines.append(as_before).push_back('\n');
    }
    return lines;
}

}  // namespace kp2p
