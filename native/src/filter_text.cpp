#include "filter_text.h"
#include <algorithm>
#include <cstring>
#include "dispatch.h"

namespace elanus {

int compare_texts(const uint8_t* left, uint32_t left_size, const uint8_t* right, uint32_t right_size) {
  const uint32_t shared = std::min(left_size, right_size);
  const int order = shared ? std::memcmp(left, right, shared) : 0;
  return order ? order : left_size < right_size ? -1 : left_size > right_size;
}

namespace {

// Where the literal begins first, or null. An empty one is nowhere looked for.
inline const uint8_t* find(const uint8_t* at, const uint8_t* end, const std::string& literal) {
  const uint64_t count = (uint64_t)(end - at);
  if (count < literal.size()) return nullptr;
  const uint64_t place = table().filter.find(at, count, (const uint8_t*)literal.data(), literal.size());
  return place == count ? nullptr : at + place;
}

inline bool same(const uint8_t* text, const std::string& wanted) { return wanted.empty() || std::memcmp(text, wanted.data(), wanted.size()) == 0; }

// `test` is asked of wanted rows only.
template <class Test> void each_row(const Texts& texts, const uint64_t* wanted, uint64_t* truth, Test test) {
  for (uint32_t first = 0; first < texts.count; first += 64) {
    const uint32_t some = std::min<uint32_t>(64, texts.count - first);
    uint64_t left = wanted ? wanted[first / 64] : ~0ull, word = 0;
    if (some < 64) left &= (1ull << some) - 1;
    if (left == ~0ull) {
      for (uint32_t i = 0; i < 64; ++i) word |= (uint64_t)test(texts.offsets[first + i], texts.offsets[first + i + 1]) << i;
    } else {
      for (; left; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(left);
        word |= (uint64_t)test(texts.offsets[first + i], texts.offsets[first + i + 1]) << i;
      }
    }
    truth[first / 64] = word;
  }
}

// Gives `rows` to tests that only say what holds for one text.
template <class Self> class OneByOne : public TextTest {
 public:
  void rows(const Texts& texts, const uint64_t* wanted, uint64_t* truth) const final {
    const Self& self = (const Self&)*this;
    each_row(texts, wanted, truth, [&](uint32_t start, uint32_t end) { return self.Self::holds(texts.bytes + start, end - start); });
  }
};

class Equal final : public OneByOne<Equal> {
 public:
  explicit Equal(std::string wanted) : wanted_(std::move(wanted)) {}
  bool holds(const uint8_t* text, uint32_t size) const override { return size == wanted_.size() && same(text, wanted_); }

 private:
  const std::string wanted_;
};

class Between final : public OneByOne<Between> {
 public:
  Between(TextEnd lower, TextEnd upper) : lower_(std::move(lower)), upper_(std::move(upper)) {}
  bool holds(const uint8_t* text, uint32_t size) const override {
    if (lower_.there && order(text, size, lower_.bytes) < !lower_.inclusive) return false;
    return !upper_.there || order(text, size, upper_.bytes) <= -!upper_.inclusive;
  }

 private:
  static int order(const uint8_t* text, uint32_t size, const std::string& other) {
    const int found = compare_texts(text, size, (const uint8_t*)other.data(), (uint32_t)other.size());
    return (found > 0) - (found < 0);
  }
  const TextEnd lower_, upper_;
};

class Set final : public TextTest {
 public:
  explicit Set(std::vector<std::string> entries) : entries_(std::move(entries)) {
    uint64_t size = 8;
    while (size < entries_.size() * 2) size *= 2;
    table_.resize(size);
    for (uint32_t i = 0; i < entries_.size(); ++i) {
      const std::string& entry = entries_[i];
      lengths_ |= length_bit((uint32_t)entry.size());
      const uint32_t hash = hash_of((const uint8_t*)entry.data(), (uint32_t)entry.size(), (uint32_t)entry.size());
      uint64_t place = hash & (size - 1);
      while (table_[place].number) place = (place + 1) & (size - 1);
      table_[place] = {hash, i + 1};
    }
  }
  bool holds(const uint8_t* text, uint32_t size) const override { return has(text, size, size); }
  void rows(const Texts& texts, const uint64_t* wanted, uint64_t* truth) const override {
    const uint32_t limit = texts.offsets[texts.count];
    each_row(texts, wanted, truth, [&](uint32_t start, uint32_t end) { return has(texts.bytes + start, end - start, limit - start); });
  }

 private:
  // `room` bytes may be read.
  bool has(const uint8_t* text, uint32_t size, uint32_t room) const {
    if (!(lengths_ & length_bit(size))) return false;
    const uint32_t hash = hash_of(text, size, room);
    for (uint64_t place = hash & (table_.size() - 1); table_[place].number; place = (place + 1) & (table_.size() - 1)) {
      if (table_[place].hash != hash) continue;
      const std::string& entry = entries_[table_[place].number - 1];
      if (entry.size() == size && same(text, entry)) return true;
    }
    return false;
  }
  struct Slot {
    uint32_t hash = 0, number = 0;   // 0: empty
  };
  static uint64_t length_bit(uint32_t size) { return 1ull << std::min(size, 63u); }
  static uint32_t hash_of(const uint8_t* text, uint32_t size, uint32_t room) {
    uint64_t hash = size * 0x9e3779b97f4a7c15ull;
    for (; size >= 8; size -= 8, room -= 8, text += 8) {
      uint64_t eight;
      std::memcpy(&eight, text, 8);
      hash = (hash ^ eight) * 0xbf58476d1ce4e5b9ull;
      hash ^= hash >> 29;
    }
    uint64_t rest = 0;
    if (room >= 8) {
      std::memcpy(&rest, text, 8);
      rest &= (1ull << (8 * size)) - 1;
    } else if (size) {
      std::memcpy(&rest, text, size);
    }
    hash = (hash ^ rest) * 0x94d049bb133111ebull;
    return (uint32_t)(hash >> 32);
  }
  const std::vector<std::string> entries_;
  std::vector<Slot> table_;
  uint64_t lengths_ = 0;
};

// `literal%`: the first eight bytes in one comparison.
class Prefix final : public TextTest {
 public:
  explicit Prefix(std::string prefix) : prefix_(std::move(prefix)) {
    const size_t few = std::min<size_t>(prefix_.size(), 8);
    std::memcpy(&first_, prefix_.data(), few);
    mask_ = few == 8 ? ~0ull : (1ull << (8 * few)) - 1;
  }
  bool holds(const uint8_t* text, uint32_t size) const override { return size >= prefix_.size() && same(text, prefix_); }
  void rows(const Texts& texts, const uint64_t* wanted, uint64_t* truth) const override {
    const uint32_t limit = texts.offsets[texts.count];
    const bool is_short = prefix_.size() <= 8;
    each_row(texts, wanted, truth, [&](uint32_t start, uint32_t end) {
      if (limit - start < 8) return holds(texts.bytes + start, end - start);
      uint64_t eight;
      std::memcpy(&eight, texts.bytes + start, 8);
      const bool begins = (((eight ^ first_) & mask_) == 0) & (end - start >= prefix_.size());
      return begins && (is_short || same(texts.bytes + start, prefix_));
    });
  }

 private:
  const std::string prefix_;
  uint64_t first_ = 0, mask_ = 0;
};

// `%literal%`: one search over the bytes of all rows; a hit across the border of two rows does not count.
class Infix final : public TextTest {
 public:
  explicit Infix(std::string literal) : literal_(std::move(literal)) {}
  bool holds(const uint8_t* text, uint32_t size) const override { return find(text, text + size, literal_); }
  void rows(const Texts& texts, const uint64_t* wanted, uint64_t* truth) const override {
    uint32_t asked = texts.count;
    if (wanted) {
      asked = 0;
      for (uint32_t w = 0; w < (texts.count + 63) / 64; ++w) asked += (uint32_t)__builtin_popcountll(wanted[w]);
    }
    if (asked * 4 < texts.count) {
      return each_row(texts, wanted, truth, [&](uint32_t start, uint32_t end) { return holds(texts.bytes + start, end - start); });
    }
    std::memset(truth, 0, (texts.count + 63) / 64 * 8);
    const uint8_t *at = texts.bytes + texts.offsets[0], *end = texts.bytes + texts.offsets[texts.count];
    for (uint32_t row = 0;;) {
      at = find(at, end, literal_);
      if (!at) return;
      const uint32_t hit = (uint32_t)(at - texts.bytes);
      while (texts.offsets[row + 1] <= hit) ++row;
      if (hit + literal_.size() <= texts.offsets[row + 1]) {
        truth[row / 64] |= 1ull << row % 64;
        at = texts.bytes + texts.offsets[row + 1];
      } else {
        ++at;
      }
    }
  }

 private:
  const std::string literal_;
};

// Runs of units between `%`: the first is anchored in front, the last at the end, the others are found from left to right.
class Like final : public OneByOne<Like> {
 public:
  explicit Like(std::vector<std::vector<int16_t>> runs) : first_(runs.front()), last_(runs.back()), is_one_(runs.size() == 1) {
    for (size_t i = 1; i + 1 < runs.size(); ++i) {
      if (runs[i].empty()) continue;
      Middle middle = {runs[i], {}, true};
      for (const int16_t unit : runs[i]) {
        if (unit < 0 || unit > 255) middle.is_literal = false;
        else middle.literal.push_back((char)unit);
      }
      middle_.push_back(std::move(middle));
    }
  }
  bool holds(const uint8_t* text, uint32_t size) const override {
    const uint8_t* end = text + size;
    const uint8_t* at = forward(first_, text, end);
    if (is_one_) return at == end;
    if (!at) return false;
    end = backward(last_, at, end);
    if (!end) return false;
    for (const Middle& middle : middle_) {
      at = middle.is_literal ? behind(middle.literal, at, end) : search(middle.run, at, end);
      if (!at) return false;
    }
    return true;
  }

 private:
  struct Middle {
    std::vector<int16_t> run;
    std::string literal;
    bool is_literal;
  };
  static bool continues(uint8_t byte) { return (byte & 0xc0) == 0x80; }
  // Where the run ends that begins at `at`, or null. Texts may be empty and lie nowhere, but `at` is never null with a row of a column.
  static const uint8_t* forward(const std::vector<int16_t>& run, const uint8_t* at, const uint8_t* end) {
    for (const int16_t unit : run) {
      if (at >= end) return nullptr;
      if (unit == any_character) {
        ++at;
        while (at < end && continues(*at)) ++at;
      } else if (*at++ != unit) {
        return nullptr;
      }
    }
    return at;
  }
  static const uint8_t* backward(const std::vector<int16_t>& run, const uint8_t* start, const uint8_t* end) {
    const uint8_t* at = end;
    for (size_t i = run.size(); i-- > 0;) {
      if (at <= start) return nullptr;
      --at;
      if (run[i] == any_character) {
        while (at > start && continues(*at)) --at;
      } else if (*at != run[i]) {
        return nullptr;
      }
    }
    return at;
  }
  static const uint8_t* search(const std::vector<int16_t>& run, const uint8_t* at, const uint8_t* end) {
    for (; (size_t)(end - at) >= run.size(); ++at) {
      if (at < end && continues(*at)) continue;
      if (const uint8_t* found = forward(run, at, end)) return found;
    }
    return nullptr;
  }
  static const uint8_t* behind(const std::string& literal, const uint8_t* at, const uint8_t* end) {
    const uint8_t* found = find(at, end, literal);
    return found ? found + literal.size() : nullptr;
  }
  const std::vector<int16_t> first_, last_;
  const bool is_one_;
  std::vector<Middle> middle_;
};

bool is_literal(const std::vector<int16_t>& run) {
  return std::all_of(run.begin(), run.end(), [](int16_t unit) { return unit >= 0 && unit <= 255; });
}

void add_utf8(uint32_t point, std::string* out) {
  if (point < 0x80) {
    out->push_back((char)point);
  } else if (point < 0x800) {
    out->push_back((char)(0xc0 | point >> 6));
    out->push_back((char)(0x80 | (point & 0x3f)));
  } else if (point < 0x10000) {
    out->push_back((char)(0xe0 | point >> 12));
    out->push_back((char)(0x80 | (point >> 6 & 0x3f)));
    out->push_back((char)(0x80 | (point & 0x3f)));
  } else {
    out->push_back((char)(0xf0 | point >> 18));
    out->push_back((char)(0x80 | (point >> 12 & 0x3f)));
    out->push_back((char)(0x80 | (point >> 6 & 0x3f)));
    out->push_back((char)(0x80 | (point & 0x3f)));
  }
}

// Four hexadecimal digits, or -1.
int32_t hex4(const uint8_t* at, const uint8_t* end) {
  if (end - at < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const uint8_t c = at[i];
    const int32_t digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

std::unique_ptr<TextTest> text_range(TextEnd lower, TextEnd upper) {
  if (lower.there && upper.there && lower.inclusive && upper.inclusive && lower.bytes == upper.bytes) return std::make_unique<Equal>(std::move(lower.bytes));
  return std::make_unique<Between>(std::move(lower), std::move(upper));
}

std::unique_ptr<TextTest> text_set(std::vector<std::string> entries) { return std::make_unique<Set>(std::move(entries)); }

std::unique_ptr<TextTest> text_like(const std::vector<int16_t>& units) {
  std::vector<std::vector<int16_t>> runs(1);
  for (const int16_t unit : units) {
    if (unit == any_run) runs.emplace_back();
    else runs.back().push_back(unit);
  }
  auto text_of = [](const std::vector<int16_t>& run) {
    std::string text;
    for (const int16_t unit : run) text.push_back((char)unit);
    return text;
  };
  if (runs.size() == 1 && is_literal(runs[0])) return std::make_unique<Equal>(text_of(runs[0]));
  if (runs.size() == 2 && runs[1].empty() && !runs[0].empty() && is_literal(runs[0])) return std::make_unique<Prefix>(text_of(runs[0]));
  if (runs.size() == 3 && runs[0].empty() && runs[2].empty() && !runs[1].empty() && is_literal(runs[1])) return std::make_unique<Infix>(text_of(runs[1]));
  return std::make_unique<Like>(std::move(runs));
}

bool unescape(const uint8_t* text, uint32_t size, std::string* out) {
  out->clear();
  for (const uint8_t *at = text, *end = text + size; at < end;) {
    const uint8_t byte = *at++;
    if (byte < 0x20) return false;
    if (byte != '\\') {
      out->push_back((char)byte);
      continue;
    }
    if (at == end) return false;
    switch (*at++) {
      case '"': out->push_back('"'); break;
      case '\\': out->push_back('\\'); break;
      case '/': out->push_back('/'); break;
      case 'b': out->push_back('\b'); break;
      case 'f': out->push_back('\f'); break;
      case 'n': out->push_back('\n'); break;
      case 'r': out->push_back('\r'); break;
      case 't': out->push_back('\t'); break;
      case 'u': {
        const int32_t first = hex4(at, end);
        if (first < 0) return false;
        at += 4;
        const bool is_high = first >= 0xd800 && first < 0xdc00, is_low = first >= 0xdc00 && first < 0xe000;
        const int32_t second = is_high && end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, end) : -1;
        if (second >= 0xdc00 && second < 0xe000) {
          at += 6;
          add_utf8(0x10000 + (((uint32_t)first - 0xd800) << 10) + ((uint32_t)second - 0xdc00), out);
        } else {
          add_utf8(is_high || is_low ? 0xfffd : (uint32_t)first, out);   // half of a pair has no UTF-8
        }
        break;
      }
      default: return false;
    }
  }
  return true;
}

}  // namespace elanus
