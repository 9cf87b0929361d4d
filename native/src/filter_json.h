// A reader of JSON bytes that builds no values: where a value begins and ends, of which class it is, and its number. The same as
// src/expr/json.ts, byte by byte.
//
// Always true: nothing at or behind `limit` is read; malformed text gives MALFORMED or nonsense inside the row, never an endless loop;
// depth costs no stack.
#pragma once
#include <cstdint>
#include "../include/elanus_filter.h"

namespace elanus {

struct JsonValue {
  uint8_t kind = ELANUS_CLASS_MISSING;
  const uint8_t *start = nullptr, *end = nullptr;   // of a text without its quotes
  int64_t integer = 0;                              // of INTEGER and WIDE
  double number = 0;                                // of DOUBLE
};

inline const uint8_t* skip_space(const uint8_t* at, const uint8_t* limit) {
  while (at < limit && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  return at;
}
// The number that all of a text is, as JSON writes it, with white space around; finite, and if whole within 64 bits.
bool number_of_text(const uint8_t* at, const uint8_t* end, double* number);
// Where the text goes on.
const uint8_t* read_json(const uint8_t* at, const uint8_t* limit, JsonValue* value);
// The word that a place column has for a value; `bytes` is where all documents begin.
int64_t json_word(const JsonValue& value, const uint8_t* bytes);

}  // namespace elanus
