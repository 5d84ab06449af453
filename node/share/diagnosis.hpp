// Diagnosis: why something failed, in sentences for the user ("no node in channel lab answered",
// "node 3fa1… sent a wrong chunk 5"), and remarks on what succeeded. Each sentence once, at most
// max_sentences of each.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace kp2p {

class Diagnosis {
  public:
    static constexpr std::size_t max_sentences = 32;

    void note(std::string sentence) { add(sentences_, std::move(sentence)); }
    // The nearest cause: it stands before all others.
    void lead(std::string sentence) {
        std::erase(sentences_, sentence);
        if (sentences_.size() >= max_sentences) sentences_.pop_back();
        sentences_.insert(sentences_.begin(), std::move(sentence));
    }
    const std::vector<std::string>& sentences() const { return sentences_; }
    // What its user has to know although it succeeded: that something was left out.
    void remark(std::string sentence) { add(remarks_, std::move(sentence)); }
    const std::vector<std::string>& remarks() const { return remarks_; }
    // All of them, joined by "; ".
    std::string text() const {
        std::string joined;
        for (const std::string& sentence : sentences_)
            joined += (joined.empty() ? "" : "; ") + sentence;
        return joined;
    }

  private:
    static void add(std::vector<std::string>& to, std::string sentence) {
        if (to.size() >= max_sentences) return;
        if (std::find(to.begin(), to.end(), sentence) == to.end())
            to.push_back(std::move(sentence));
    }

    std::vector<std::string> sentences_, remarks_;
};

}  // namespace kp2p
