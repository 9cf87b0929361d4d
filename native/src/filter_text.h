// Tests of texts by their bytes: ranges, sets, patterns.
//
// Always true: a test reads nothing but the bytes of the text it is given; UTF-8 is never decoded, because a literal matches only
// where a character begins, and one character is stepped over by its continuation bytes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace elanus {

// A stretch of rows of a column; `offsets` are those of the stretch and were looked at.
struct Texts {
  const uint32_t* offsets;
  const uint8_t* bytes;
  uint32_t count;
};

class TextTest {
 public:
  virtual ~TextTest() = default;
  virtual bool holds(const uint8_t* text, uint32_t size) const = 0;
  // A bit for each wanted row (null: all); the bits of the others may be anything.
  virtual void rows(const Texts& texts, const uint64_t* wanted, uint64_t* truth) const = 0;
};

struct TextEnd {
  bool there, inclusive;
  std::string bytes;
};

constexpr int16_t any_character = -1, any_run = -2;

std::unique_ptr<TextTest> text_range(TextEnd lower, TextEnd upper);
std::unique_ptr<TextTest> text_set(std::vector<std::string> entries);
// A byte, `any_character` or `any_run` each; other units never match.
std::unique_ptr<TextTest> text_like(const std::vector<int16_t>& units);

int compare_texts(const uint8_t* left, uint32_t left_size, const uint8_t* right, uint32_t right_size);
// The bytes that a JSON text with escapes stands for; false when it is malformed.
bool unescape(const uint8_t* text, uint32_t size, std::string* out);

}  // namespace elanus
