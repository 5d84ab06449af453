// Diagnosis: why something failed, in sentences for the user ("no node in channel lab answered",
// "node 3fa1… sent a wrong chunk 5"). Each sentence once, at most max_sentences of them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace kp2p {

class Diagnosis {
  public:
    static constexpr std::size_t max_sentences = 32;

    void note(std::string sentence) {
        if (sentences_.size() >= max_sentences) return;
        if (std::find(sentences_.begin(), sentences_.end(), sentence) != sentences_.end()) return;
        sentences_.push_back(std::move(sentence));
    }
    const std::vector<std::string>& sentences() const { return sentences_; }
    // All of them, joined by "; ".
    std::string text() const {
        std::string joined;
        for (const std::string& sentence : sentences_)
            joined += (joined.empty() ? "" : "; ") + sentence;
        return joined;
    }

  private:
    std::vector<std::string> sentences_;
};

}  // namespace kp2p
