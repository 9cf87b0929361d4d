// One translation unit per instruction set: the build compiles this file once for each, with other flags and another ELANUS_TABLE.
//
// Always true: the object defines exactly one symbol with external linkage, the table, and no weak one; so there are no library
// templates here, no exceptions, and everything else is in unnamed namespaces.
#include "crc.h"
#include "rotate.h"
#include "scan.h"
#include "table.h"
#include "tile.h"
#include "walk.h"

namespace elanus {
namespace {

// The cosine of two vectors, turned. A zero vector has no direction: its cosine with anything is 0.
inline float turned_cosine(float dot, float lengths) {
  if (lengths == 0) return 0;
  const float cosine = dot / lengths;
  return cosine > 1 ? -1 : cosine < -1 ? 1 : -cosine;
}

void keys(Metric metric, const QueryBlock* queries, const RowBlock* rows, float* out, size_t stride, float* norms) {
  switch (metric) {
    case Metric::l2:
      return sums<SquaredDifference, Lengths::no>(*queries, *rows, out, stride, norms);
    case Metric::ip:
      sums<Product, Lengths::no>(*queries, *rows, out, stride, norms);
      for (uint32_t a = 0; a < queries->count; ++a)
        for (uint32_t b = 0; b < rows->count; ++b) out[a * stride + b] = -out[a * stride + b];
      return;
    case Metric::cosine:
      sums<Product, Lengths::yes>(*queries, *rows, out, stride, norms);
      for (uint32_t b = 0; b < rows->count; ++b) norms[b] = __builtin_sqrtf(norms[b]);
      for (uint32_t a = 0; a < queries->count; ++a)
        for (uint32_t b = 0; b < rows->count; ++b)
          out[a * stride + b] = turned_cosine(out[a * stride + b], queries->norms[a] * norms[b]);
      return;
  }
}

float norm(const float* values, uint32_t dimension) {
  const unsigned char* row = (const unsigned char*)values;
  float square, unused;
  tile<Product, 1, 1, Fetch::no, Lengths::no>(values, &row, dimension, &square, 1, &unused);
  return __builtin_sqrtf(square);
}

uint32_t pick(const float* keys, uint32_t count, float bound, uint32_t* places) {
  const F32 limit = F32::fill(bound);
  uint32_t picked = 0, i = 0;
  for (; i + F32::lanes <= count; i += F32::lanes)
    for (uint32_t rest = less_equal(F32::load(keys + i), limit); rest; rest &= rest - 1)
      places[picked++] = i + (uint32_t)__builtin_ctz(rest);
  for (; i < count; ++i)
    if (keys[i] <= bound) places[picked++] = i;
  return picked;
}

// All bits of the exponent are set in a NaN and in an infinity.
inline bool not_finite(const float* value) {
  uint32_t bits;
  memcpy(&bits, value, sizeof bits);
  return (bits & 0x7f800000u) == 0x7f800000u;
}

uint64_t first_not_finite(const float* values, uint64_t count) {
  constexpr uint64_t block = 1024;
  for (uint64_t i = 0; i < count; i += block) {
    const uint64_t end = count - i < block ? count : i + block;
    uint32_t found = 0;
    for (uint64_t j = i; j < end; ++j) found |= (uint32_t)not_finite(values + j);
    if (!found) continue;
    for (uint64_t j = i; j < end; ++j)
      if (not_finite(values + j)) return j;
  }
  return count;
}

float sum_floats(const unsigned char* floats, uint64_t count) {
  constexpr uint64_t w = F32::lanes;
  F32 part[8];
  for (F32& p : part) p = F32::fill(0);
  uint64_t i = 0;
  for (; i + 8 * w <= count; i += 8 * w)
    for (uint64_t j = 0; j < 8; ++j) part[j] = part[j] + F32::load(floats + (i + j * w) * sizeof(float));
  for (; i + w <= count; i += w) part[0] = part[0] + F32::load(floats + i * sizeof(float));
  if (i < count) part[1] = part[1] + F32::load_first(floats + i * sizeof(float), (uint32_t)(count - i));
  return sum(((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7])));
}

}  // namespace

#define ELANUS_TEXT(x) #x
#define ELANUS_NAME(x) ELANUS_TEXT(x)
#define ELANUS_JOIN(a, b) a##b
#define ELANUS_SYMBOL(isa) ELANUS_JOIN(table_, isa)

extern const Table ELANUS_SYMBOL(ELANUS_TABLE);
const Table ELANUS_SYMBOL(ELANUS_TABLE) = {
    .name = ELANUS_NAME(ELANUS_TABLE),
    .keys = keys,
    .norm = norm,
    .pick = pick,
    .first_not_finite = first_not_finite,
    .sum = sum_floats,
    .graph =
        {
            .rotate = rotate,
            .to_codes = to_codes,
            .distances = distances,
            .clear = clear,
            .walk = walk,
            .choose = choose,
            .crc32c = crc32c,
        },
    .lists =
        {
            .squares = squares,
            .products = products,
            .scan_block = scan_block,
        },
};

}  // namespace elanus
