// WindowedBest: the best sample (by Compare: std::less keeps the smallest) seen within a sliding
// window, in constant space: the best, and the best among those that came after it, twice.
// Source: Kathleen Nichols' windowed filter, as in Linux lib/win_minmax.c.
#pragma once

#include <array>

namespace kp2p::proto::udx {

template <class Value, class When, class Compare>
class WindowedBest {
  public:
    bool empty() const { return !known_; }
    Value best() const { return samples_[0].value; }

    template <class Width>
    void update(Value value, When when, Width window) {
        const Sample sample{value, when};
        if (!known_ || !better(samples_[0].value, value) || when - samples_[2].when > window) {
            samples_.fill(sample);
            known_ = true;
            return;
        }
        if (!better(samples_[1].value, value)) {
            samples_[2] = samples_[1] = sample;
        } else if (!better(samples_[2].value, value)) {
            samples_[2] = sample;
        }
        age(sample, window);
    }

  private:
    struct Sample {
        Value value{};
        When when{};
    };

    static bool better(Value a, Value b) { return Compare()(a, b); }

    template <class Width>
    void age(const Sample& sample, Width window) {
        const auto elapsed = sample.when - samples_[0].when;
        if (elapsed > window) {
            samples_ = {samples_[1], samples_[2], sample};
            if (sample.when - samples_[0].when > window)
                samples_ = {samples_[1], samples_[2], sample};
        } else if (samples_[1].when == samples_[0].when && elapsed > window / 4) {
            samples_[2] = samples_[1] = sample;
        } else if (samples_[2].when == samples_[1].when && elapsed > window / 2) {
            samples_[2] = sample;
        }
    }

    bool known_ = false;
    std::array<Sample, 3> samples_{};
};

}  // namespace kp2p::proto::udx
