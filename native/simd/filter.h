// What filters need of each instruction set: loops from values to bits, one bit a row, whole words of 64 rows.
//
// Always true: bits behind the last row are 0. An interval whose lower end is above its upper end, or NaN, is empty.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace elanus {

struct FilterTable {
  // lower <= value <= upper.
  void (*range_i8)(const int8_t* values, uint64_t count, int8_t lower, int8_t upper, uint64_t* bits);
  void (*range_i16)(const int16_t* values, uint64_t count, int16_t lower, int16_t upper, uint64_t* bits);
  void (*range_i32)(const int32_t* values, uint64_t count, int32_t lower, int32_t upper, uint64_t* bits);
  void (*range_i64)(const int64_t* values, uint64_t count, int64_t lower, int64_t upper, uint64_t* bits);
  void (*range_f32)(const float* values, uint64_t count, float lower, float upper, uint64_t* bits);
  void (*range_f64)(const double* values, uint64_t count, double lower, double upper, uint64_t* bits);
  // Bytes that are not 0.
  void (*set_bytes)(const uint8_t* bytes, uint64_t count, uint64_t* bits);
  // Values that are one of a few.
  void (*few_i64)(const int64_t* values, uint64_t count, const int64_t* few, uint32_t few_count, uint64_t* bits);
  // Where `literal` (a byte or more) begins first, or `count`.
  uint64_t (*find)(const uint8_t* bytes, uint64_t count, const uint8_t* literal, uint64_t literal_count);
};

}  // namespace elanus
