#include "filter_box.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace elanus {

namespace {

constexpr uint32_t most_depth = 32;
enum Kind : uint32_t { point = 1, line, polygon };
constexpr uint32_t last_kind = 7;

// Well-known binary is drawn in src/model/wkb.ts.
class Box {
 public:
  // False: damaged.
  bool read(const uint8_t* bytes, uint32_t size) {
    at_ = bytes;
    end_ = bytes + size;
    return geometry(0) && at_ == end_;
  }
  bool meets(const double* ends) const { return left_ <= ends[2] && ends[0] <= right_ && bottom_ <= ends[3] && ends[1] <= top_; }

 private:
  bool geometry(uint32_t depth) {
    if (depth > most_depth || end_ - at_ < 5 || *at_ > 1) return false;
    const bool little = *at_++ == 1;
    uint32_t kind, count;
    number(little, &kind);
    if (kind == point) {
      if (end_ - at_ < 16) return false;
      double x, y;
      ordinates(little, &x, &y);
      if (std::isnan(x) && std::isnan(y)) return true;
      return take(x, y);
    }
    if (!kind || kind > last_kind || !number(little, &count)) return false;
    if (kind == line) return points(little, count);
    for (uint32_t i = 0; i < count; ++i) {
      uint32_t corners;
      if (kind == polygon ? !number(little, &corners) || !points(little, corners) : !geometry(depth + 1)) return false;
    }
    return true;
  }
  bool points(bool little, uint32_t count) {
    if ((uint64_t)(end_ - at_) < (uint64_t)count * 16) return false;
    for (uint32_t i = 0; i < count; ++i) {
      double x, y;
      ordinates(little, &x, &y);
      if (!take(x, y)) return false;
    }
    return true;
  }
  bool take(double x, double y) {
    left_ = std::min(left_, x);
    right_ = std::max(right_, x);
    bottom_ = std::min(bottom_, y);
    top_ = std::max(top_, y);
    return std::isfinite(x) && std::isfinite(y);
  }
  bool number(bool little, uint32_t* value) {
    if (end_ - at_ < 4) return false;
    std::memcpy(value, at_, 4);
    if (!little) *value = __builtin_bswap32(*value);
    at_ += 4;
    return true;
  }
  void ordinates(bool little, double* x, double* y) {
    uint64_t both[2];
    std::memcpy(both, at_, 16);
    if (!little) both[0] = __builtin_bswap64(both[0]), both[1] = __builtin_bswap64(both[1]);
    std::memcpy(x, &both[0], 8);
    std::memcpy(y, &both[1], 8);
    at_ += 16;
  }

  const uint8_t *at_ = nullptr, *end_ = nullptr;
  double left_ = INFINITY, right_ = -INFINITY, bottom_ = INFINITY, top_ = -INFINITY;
};

class Meets final : public TextTest {
 public:
  explicit Meets(const double* ends) { std::copy(ends, ends + 4, ends_); }
  bool holds(const uint8_t* text, uint32_t size) const override {
    Box box;
    return !box.read(text, size) || box.meets(ends_);
  }
  void rows(const Texts& texts, const uint64_t* wanted, uint64_t* truth) const override {
    for (uint32_t first = 0; first < texts.count; first += 64) {
      const uint32_t some = std::min<uint32_t>(64, texts.count - first);
      uint64_t left = wanted ? wanted[first / 64] : ~0ull, word = 0;
      if (some < 64) left &= (1ull << some) - 1;
      for (; left; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(left), start = texts.offsets[first + i];
        word |= (uint64_t)holds(texts.bytes + start, texts.offsets[first + i + 1] - start) << i;
      }
      truth[first / 64] = word;
    }
  }

 private:
  double ends_[4];
};

}  // namespace

std::unique_ptr<TextTest> meets_box(const double* ends) { return std::make_unique<Meets>(ends); }

}  // namespace elanus
