#include "filter_json.h"
#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace elanus {

namespace {

bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

const double powers_of_ten[16] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// Sign, digits with a point, exponent; all of it. False for anything else.
bool parse_double(const char* at, const char* end, double* out) {
  const char* p = at;
  const bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) ++p;
  const char* unsigned_start = p;
  uint64_t digits = 0;
  int64_t magnitude = 0;   // decimal places before the first digit that is not 0
  bool seen = false, point = false;
  for (; p < end && (is_digit((uint8_t)*p) || (*p == '.' && !point)); ++p) {
    if (*p == '.') {
      point = true;
      continue;
    }
    ++digits;
    seen |= *p != '0';
    if (seen && !point) ++magnitude;
    if (!seen && point) --magnitude;
  }
  if (!digits) return false;
  int64_t exponent = 0;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    const bool down = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (p == end) return false;
    for (; p < end && is_digit((uint8_t)*p); ++p) exponent = std::min<int64_t>(exponent * 10 + (*p - '0'), 1 << 30);
    if (down) exponent = -exponent;
  }
  if (p != end) return false;
  double value = 0;
  const auto [stop, wrong] = std::from_chars(unsigned_start, end, value);
  if (wrong == std::errc::result_out_of_range) value = seen && magnitude + exponent > 0 ? std::numeric_limits<double>::infinity() : 0;
  else if (wrong != std::errc() || stop != end) return false;
  *out = negative ? -value : value;
  return true;
}

const uint8_t* read_text(const uint8_t* from, const uint8_t* limit, JsonValue* value) {
  const uint8_t* at = from + 1;
  bool escaped = false;
  while (at < limit && *at != '"') {
    if (*at == '\\') {
      escaped = true;
      ++at;
    }
    ++at;
  }
  value->start = std::min(from + 1, limit);
  value->end = std::min(at, limit);
  value->kind = at >= limit ? ELANUS_CLASS_MALFORMED : escaped ? ELANUS_CLASS_ESCAPED : ELANUS_CLASS_TEXT;
  return std::min(at + 1, limit);
}

const uint8_t* container_end(const uint8_t* from, const uint8_t* limit) {
  int64_t depth = 0;
  for (const uint8_t* at = from; at < limit; ++at) {
    if (*at == '"') {
      ++at;
      while (at < limit && *at != '"') at += *at == '\\' ? 2 : 1;
    } else if (*at == '[' || *at == '{') {
      ++depth;
    } else if ((*at == ']' || *at == '}') && --depth == 0) {
      return at + 1;
    }
  }
  return limit;
}

const uint8_t* read_number(const uint8_t* from, const uint8_t* limit, JsonValue* value) {
  const bool negative = from < limit && *from == '-';
  const uint8_t* at = negative ? from + 1 : from;
  uint64_t mantissa = 0;   // right as long as it is used: up to 19 digits
  uint64_t digits = 0, fraction = 0;
  for (; at < limit && is_digit(*at); ++at, ++digits) mantissa = mantissa * 10 + (*at - '0');
  bool integer = digits > 0, plain = true;
  if (at < limit && *at == '.') {
    integer = false;
    for (++at; at < limit && is_digit(*at); ++at, ++fraction) mantissa = mantissa * 10 + (*at - '0');
  }
  for (; at < limit && (is_digit(*at) || *at == 'e' || *at == 'E' || *at == '+' || *at == '-' || *at == '.'); ++at) integer = plain = false;
  value->end = at;
  if (at == from) {
    value->kind = ELANUS_CLASS_MALFORMED;
    return std::min(from + 1, limit);   // so that a loop over elements ends
  }
  if (digits + fraction <= 15 && plain) {
    value->kind = integer ? ELANUS_CLASS_INTEGER : ELANUS_CLASS_DOUBLE;
    value->integer = negative ? -(int64_t)mantissa : (int64_t)mantissa;
    const double magnitude = (double)mantissa / powers_of_ten[fraction];   // both exact, so one rounding
    value->number = negative ? -magnitude : magnitude;
    return at;
  }
  if (integer) {
    const uint8_t* first = negative ? from + 1 : from;
    while (first < at && *first == '0') ++first;
    if (at - first <= 19 && mantissa <= (uint64_t)INT64_MAX + negative) {
      value->integer = (int64_t)(negative ? 0 - mantissa : mantissa);
      value->kind = mantissa < 1ull << 53 ? ELANUS_CLASS_INTEGER : ELANUS_CLASS_WIDE;
      return at;
    }
  }
  value->kind = parse_double((const char*)from, (const char*)at, &value->number) ? ELANUS_CLASS_DOUBLE : ELANUS_CLASS_MALFORMED;
  return at;
}

const uint8_t* read_word(const uint8_t* from, const uint8_t* limit, int64_t length, uint8_t kind, JsonValue* value) {
  value->kind = limit - from >= length ? kind : ELANUS_CLASS_MALFORMED;
  value->end = limit - from >= length ? from + length : limit;
  return value->end;
}

}  // namespace

const uint8_t* read_json(const uint8_t* at, const uint8_t* limit, JsonValue* value) {
  const uint8_t* from = skip_space(at, limit);
  value->start = from;
  switch (from < limit ? *from : 0) {
    case '"': return read_text(from, limit, value);
    case '{':
    case '[':
      value->kind = *from == '{' ? ELANUS_CLASS_OBJECT : ELANUS_CLASS_ARRAY;
      return value->end = container_end(from, limit);
    case 't': return read_word(from, limit, 4, ELANUS_CLASS_TRUE, value);
    case 'f': return read_word(from, limit, 5, ELANUS_CLASS_FALSE, value);
    case 'n': return read_word(from, limit, 4, ELANUS_CLASS_NULL, value);
    default: return read_number(from, limit, value);
  }
}

bool number_of_text(const uint8_t* at, const uint8_t* end, double* number) {
  at = skip_space(at, end);
  while (end > at && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t')) --end;
  const uint8_t* p = at;
  const bool negative = p < end && *p == '-';
  p += negative;
  const uint8_t* first = p;
  while (p < end && is_digit(*p)) ++p;
  const size_t digits = (size_t)(p - first);
  if (!digits || (digits > 1 && *first == '0')) return false;
  const bool whole = p == end;
  if (p < end && *p == '.') {
    const uint8_t* fraction = ++p;
    while (p < end && is_digit(*p)) ++p;
    if (p == fraction) return false;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '+' || *p == '-')) ++p;
    const uint8_t* exponent = p;
    while (p < end && is_digit(*p)) ++p;
    if (p == exponent) return false;
  }
  if (p != end) return false;
  const char* most = negative ? "9223372036854775808" : "18446744073709551615";
  const size_t most_digits = std::strlen(most);
  if (whole && (digits > most_digits || (digits == most_digits && std::memcmp(first, most, digits) > 0))) return false;
  return parse_double((const char*)at, (const char*)end, number) && *number - *number == 0;
}

int64_t json_word(const JsonValue& value, const uint8_t* bytes) {
  int64_t word = 0;
  switch (value.kind) {
    case ELANUS_CLASS_INTEGER:
    case ELANUS_CLASS_WIDE: return value.integer;
    case ELANUS_CLASS_DOUBLE: std::memcpy(&word, &value.number, 8); return word;
    case ELANUS_CLASS_TEXT:
    case ELANUS_CLASS_ESCAPED:
    case ELANUS_CLASS_ARRAY: return (int64_t)((uint64_t)(value.start - bytes) | (uint64_t)(value.end - bytes) << 32);
    default: return 0;
  }
}

}  // namespace elanus
