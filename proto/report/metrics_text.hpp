// MetricsText: measurements in the text format of Prometheus, version 0.0.4: families, each with
// its samples behind it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace kp2p::proto {

class MetricsText {
  public:
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";
    enum class Kind { counter, gauge };
    using Label = std::pair<std::string_view, std::string_view>;

    // Names are [a-z_]+, units last, and "_total" behind that of a counter. Each once.
    void family(std::string_view name, Kind kind, std::string_view help);
    // Of the latest family.
    void sample(std::uint64_t value, std::initializer_list<Label> labels = {});
    // A family of one sample.
    void single(std::string_view name, Kind kind, std::string_view help, std::uint64_t value) {
        family(name, kind, help);
        sample(value);
    }
    std::string take() { return std::move(text_); }

  private:
    std::string name_, text_;
};

}  // namespace kp2p::proto
