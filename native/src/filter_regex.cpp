// Regular expressions: all places of the program where a match can be are a state, and states are made when they are first met.
//
// Always true: a character costs one look into a table, or, when its state is new, no more than the program is long; states take at most
// `most_bytes`, then all are forgotten and made again. So time is linear in the text, whatever the pattern. Bytes that are no UTF-8 are U+FFFD each.
#include "filter_regex.h"
#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <unordered_map>
#include "failure.h"

namespace elanus {

namespace {

enum class Code : uint32_t { match, character, split, jump, assertion };
enum class Assertion : uint32_t { text_start, text_end, line_start, line_end, boundary, no_boundary };
constexpr uint32_t is_word = 1, is_newline = 2, nothing = 4;   // what stands beside a place
constexpr uint32_t replacement = 0xfffd, last_point = 0x10ffff;

struct Instruction {
  Code code;
  uint32_t first, second;
};

struct Program {
  uint32_t classes = 0, set_words = 0;
  std::vector<uint32_t> boundaries, class_of_interval, flags, sets;
  std::vector<Instruction> code;
  uint32_t ascii[128];

  explicit Program(const std::vector<uint32_t>& words) {
    const auto bad = [] { fail(ELANUS_INVALID, "the program of the filter is damaged: a regular expression"); };
    if (words.size() < 4) bad();
    classes = words[0];
    set_words = (classes + 31) / 32;
    const uint64_t boundary_count = words[1], set_count = words[2], code_count = words[3];
    if (!classes || !code_count) bad();
    if (4 + 2 * boundary_count + 1 + classes + set_count * set_words + 3 * code_count != words.size()) bad();
    const uint32_t* at = words.data() + 4;
    const auto take = [&](std::vector<uint32_t>* out, uint64_t count) {
      out->assign(at, at + count);
      at += count;
    };
    take(&boundaries, boundary_count);
    take(&class_of_interval, boundary_count + 1);
    take(&flags, classes);
    take(&sets, set_count * set_words);
    for (size_t i = 1; i < boundaries.size(); ++i)
      if (boundaries[i - 1] >= boundaries[i]) bad();
    for (const uint32_t number : class_of_interval)
      if (number >= classes) bad();
    for (uint32_t& flag : flags) flag &= is_word | is_newline;
    code.resize(code_count);
    for (uint64_t i = 0; i < code_count; ++i, at += 3) {
      code[i] = {(Code)at[0], at[1], at[2]};
      const bool goes_on = code[i].code == Code::character || code[i].code == Code::assertion;
      if (at[0] > (uint32_t)Code::assertion || (goes_on && i + 1 == code_count)) bad();
      if (code[i].code == Code::character && at[1] >= set_count) bad();
      if (code[i].code == Code::assertion && at[1] > (uint32_t)Assertion::no_boundary) bad();
      if ((code[i].code == Code::split || code[i].code == Code::jump) && at[1] >= code_count) bad();
      if (code[i].code == Code::split && at[2] >= code_count) bad();
    }
    for (uint32_t point = 0; point < 128; ++point) ascii[point] = class_of(point);
  }

  uint32_t class_of(uint32_t point) const {
    return class_of_interval[std::upper_bound(boundaries.begin(), boundaries.end(), point) - boundaries.begin()];
  }
};

// Of one thread at a time.
class Run {
 public:
  explicit Run(const Program& program)
      : program_(program), stride_(program.classes + 1), reached_(program.code.size()), open_(program.code.size() * 2 + 2) {}

  bool matches(const uint8_t* text, uint32_t size) {
    const uint8_t *at = text, *end = text + size;
    if (next_.empty()) start();
    int32_t state = 0;
    while (at < end) {
      const uint32_t number = *at < 128 ? program_.ascii[*at++] : program_.class_of(point(&at, end));
      int32_t next = next_[(size_t)state * stride_ + number];
      if (next < 0) {
        if (next == unknown) next = make(state, number);
        if (next == accepted) return true;
      }
      state = next;
    }
    int32_t last = next_[(size_t)state * stride_ + program_.classes];
    if (last == unknown) last = make(state, program_.classes);
    return last == accepted;
  }

 private:
  static constexpr int32_t unknown = -1, accepted = -2, refused = -3;
  static constexpr size_t most_bytes = 4 << 20;

  struct State {
    std::vector<uint32_t> waiting;   // places behind the last character, ascending
    uint32_t before;
  };

  static uint32_t point(const uint8_t** at, const uint8_t* end) {
    const uint8_t first = **at;
    const uint32_t wanted = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const uint32_t there = (uint32_t)std::min<size_t>(wanted, (size_t)(end - *at));
    uint32_t point = replacement;
    if (first >= 0xc0 && there == wanted) {
      point = first & (0xffu >> (wanted + 1));
      for (uint32_t i = 1; i < wanted; ++i) point = point << 6 | ((*at)[i] & 0x3f);
      if (point > last_point) point = replacement;
    }
    *at += there;
    return point;
  }

  void start() {
    states_.clear();
    known_.clear();
    next_.clear();
    bytes_ = 0;
    add({{}, nothing});
  }

  int32_t add(State state) {
    std::string name((const char*)state.waiting.data(), state.waiting.size() * 4);
    name.push_back((char)state.before);
    const auto found = known_.find(name);
    if (found != known_.end()) return found->second;
    const int32_t number = (int32_t)states_.size();
    bytes_ += 3 * name.size() + stride_ * 4 + 128;
    states_.push_back(std::move(state));
    next_.resize(next_.size() + stride_, unknown);
    known_.emplace(std::move(name), number);
    return number;
  }

  // Where a character of the class leads; the class behind all others is the end of the text.
  int32_t make(int32_t from, uint32_t number) {
    if (bytes_ > most_bytes) {
      State kept = std::move(states_[(size_t)from]);
      start();
      from = add(std::move(kept));
    }
    const bool is_end = number == program_.classes;
    const uint32_t before = states_[(size_t)from].before, after = is_end ? nothing : program_.flags[number];
    if (++step_ == 0) {
      std::fill(reached_.begin(), reached_.end(), 0);
      step_ = 1;
    }
    behind_.clear();
    bool matched = false;
    for (size_t i = 0; !matched && i < states_[(size_t)from].waiting.size(); ++i) matched = follow(states_[(size_t)from].waiting[i], before, after, number);
    if (!matched) matched = follow(0, before, after, number);
    int32_t to = accepted;
    if (!matched && is_end) to = refused;
    else if (!matched) {
      std::sort(behind_.begin(), behind_.end());
      to = add({behind_, after});
    }
    next_[(size_t)from * stride_ + number] = to;
    return to;
  }

  // Everything that is reached without a character; what takes one of the class is put behind it. True: a match.
  bool follow(uint32_t from, uint32_t before, uint32_t after, uint32_t number) {
    size_t count = 0;
    open_[count++] = from;
    while (count) {
      const uint32_t place = open_[--count];
      if (reached_[place] == step_) continue;
      reached_[place] = step_;
      const Instruction& instruction = program_.code[place];
      switch (instruction.code) {
        case Code::match: return true;
        case Code::character:
          if (number < program_.classes && (program_.sets[(size_t)instruction.first * program_.set_words + number / 32] >> number % 32 & 1)) behind_.push_back(place + 1);
          break;
        case Code::split:
          open_[count++] = instruction.second;
          open_[count++] = instruction.first;
          break;
        case Code::jump: open_[count++] = instruction.first; break;
        case Code::assertion:
          if (holds((Assertion)instruction.first, before, after)) open_[count++] = place + 1;
      }
    }
    return false;
  }

  static bool holds(Assertion assertion, uint32_t before, uint32_t after) {
    switch (assertion) {
      case Assertion::text_start: return before == nothing;
      case Assertion::text_end: return after == nothing;
      case Assertion::line_start: return before & (nothing | is_newline);
      case Assertion::line_end: return after & (nothing | is_newline);
      default: return ((before & is_word) != (after & is_word)) == (assertion == Assertion::boundary);
    }
  }

  const Program& program_;
  const size_t stride_;
  std::vector<State> states_;
  std::unordered_map<std::string, int32_t> known_;
  std::vector<int32_t> next_;
  size_t bytes_ = 0;
  std::vector<uint32_t> reached_, open_, behind_;
  uint32_t step_ = 0;
};

class Regex final : public TextTest {
 public:
  explicit Regex(const std::vector<uint32_t>& words) : program_(words) {}

  bool holds(const uint8_t* text, uint32_t size) const override {
    std::unique_ptr<Run> run = take();
    const bool found = run->matches(text, size);
    give(std::move(run));
    return found;
  }

  void rows(const Texts& texts, const uint64_t* wanted, uint64_t* truth) const override {
    std::unique_ptr<Run> run = take();
    for (uint32_t first = 0; first < texts.count; first += 64) {
      const uint32_t some = std::min<uint32_t>(64, texts.count - first);
      uint64_t left = wanted ? wanted[first / 64] : ~0ull, word = 0;
      if (some < 64) left &= (1ull << some) - 1;
      for (; left; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(left), start = texts.offsets[first + i], end = texts.offsets[first + i + 1];
        word |= (uint64_t)run->matches(texts.bytes + start, end - start) << i;
      }
      truth[first / 64] = word;
    }
    give(std::move(run));
  }

 private:
  // What a thread has learned is the next one's.
  std::unique_ptr<Run> take() const {
    std::lock_guard<std::mutex> hold(lock_);
    if (idle_.empty()) return std::make_unique<Run>(program_);
    std::unique_ptr<Run> run = std::move(idle_.back());
    idle_.pop_back();
    return run;
  }
  void give(std::unique_ptr<Run> run) const {
    std::lock_guard<std::mutex> hold(lock_);
    idle_.push_back(std::move(run));
  }
  const Program program_;
  mutable std::mutex lock_;
  mutable std::vector<std::unique_ptr<Run>> idle_;
};

}  // namespace

std::unique_ptr<TextTest> text_regex(std::vector<uint32_t> words) { return std::make_unique<Regex>(words); }

}  // namespace elanus
