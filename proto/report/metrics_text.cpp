#include "proto/report/metrics_text.hpp"

namespace kp2p::proto {
namespace {

// Backslashes and line ends, and in the value of a label quotes too.
std::string escaped(std::string_view text, bool quotes) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || (quotes && c == '"')) out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

void MetricsText::family(std::string_view name, Kind kind, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + ' ' + escaped(help, false) + '\n';
    text_ += "# TYPE " + name_ + (kind == Kind::counter ? " counter\n" : " gauge\n");
}

void MetricsText::sample(std::uint64_t value, std::initializer_list<Label> labels) {
    text_ += name_;
    char before = '{';
    for (const auto& [label, text] : labels) {
        text_.append(1, before).append(label).append("=\"").append(escaped(text, true)) += '"';
        before = ',';
    }
    if (labels.size() > 0) text_ += '}';
    text_ += ' ' + std::to_string(value) + '\n';
}

}  // namespace kp2p::proto
