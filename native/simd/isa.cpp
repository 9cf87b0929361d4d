// One translation unit per instruction set: the build compiles this file once for each, with other flags and another ELANUS_TABLE.
//
// Always true: the object defines exactly one symbol with external linkage, the table, and no weak one; so there are no library
// templates here, no exceptions, and everything else is in unnamed namespaces.
#include "bits.h"
#include "crc.h"
#include "filter_loops.h"
#include "members.h"
#include "packed_walk.h"
#include "postings.h"
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

template <class Kind> void number_keys(Metric metric, const QueryBlock& queries, const RowBlock& rows, float* out, size_t stride, float* norms) {
  if (metric == Metric::l2) return sums<Kind, SquaredDifference, Lengths::no>(queries, rows, out, stride, norms);
  if (metric == Metric::ip) {
    sums<Kind, Product, Lengths::no>(queries, rows, out, stride, norms);
    for (uint32_t a = 0; a < queries.count; ++a)
      for (uint32_t b = 0; b < rows.count; ++b) out[a * stride + b] = -out[a * stride + b];
    return;
  }
  sums<Kind, Product, Lengths::yes>(queries, rows, out, stride, norms);
  for (uint32_t b = 0; b < rows.count; ++b) norms[b] = __builtin_sqrtf(norms[b]);
  for (uint32_t a = 0; a < queries.count; ++a)
    for (uint32_t b = 0; b < rows.count; ++b) out[a * stride + b] = turned_cosine(out[a * stride + b], queries.norms[a] * norms[b]);
}

constexpr float no_hit = __builtin_nanf("");

template <class Hash> void hash_keys(const QueryBlock& queries, const RowBlock& rows, float* out, size_t stride) {
  const uint32_t bytes = rows.dimension / 8;
  const auto* first = (const unsigned char*)queries.values;
  for (uint32_t a = 0; a < queries.count; ++a)
    for (uint32_t b = 0; b < rows.count; ++b) {
      const uint32_t equal = equal_hashes<Hash>(first + (size_t)a * bytes, rows.at[b], bytes);
      out[a * stride + b] = equal ? -((float)equal / (float)(bytes / sizeof(Hash))) : no_hit;
    }
}

void bit_keys(Metric metric, const QueryBlock& queries, const RowBlock& rows, float* out, size_t stride) {
  const auto put = [&](uint32_t a, uint32_t b, float key) __attribute__((always_inline)) { out[a * stride + b] = key; };
  switch (metric) {
    case Metric::hamming:
      return count_pairs<Different, false>(queries, rows, [&](uint32_t a, uint32_t b, uint32_t count, uint32_t) { put(a, b, (float)count); });
    case Metric::jaccard:
      return count_pairs<Shared, true>(queries, rows, [&](uint32_t a, uint32_t b, uint32_t shared, uint32_t ones) {
        const float all = queries.norms[a] + (float)(ones - shared);
        put(a, b, shared ? (all - (float)shared) / all : 1);
      });
    case Metric::substructure:
      return count_pairs<Shared, false>(queries, rows, [&](uint32_t a, uint32_t b, uint32_t shared, uint32_t) {
        put(a, b, (float)shared == queries.norms[a] ? 0 : no_hit);
      });
    case Metric::superstructure:
      return count_pairs<Shared, true>(queries, rows, [&](uint32_t a, uint32_t b, uint32_t shared, uint32_t ones) {
        put(a, b, shared == ones ? 0 : no_hit);
      });
    default:
      switch (rows.hash_bits) {
        case 16: return hash_keys<uint16_t>(queries, rows, out, stride);
        case 32: return hash_keys<uint32_t>(queries, rows, out, stride);
        case 64: return hash_keys<uint64_t>(queries, rows, out, stride);
        default: return hash_keys<uint8_t>(queries, rows, out, stride);
      }
  }
}

void keys(Metric metric, const QueryBlock* queries, const RowBlock* rows, float* out, size_t stride, float* norms) {
  switch (rows->element) {
    case Element::float32: return number_keys<Float32>(metric, *queries, *rows, out, stride, norms);
    case Element::float16: return number_keys<Float16>(metric, *queries, *rows, out, stride, norms);
    case Element::bfloat16: return number_keys<Bfloat16>(metric, *queries, *rows, out, stride, norms);
    case Element::int8: return number_keys<Int8>(metric, *queries, *rows, out, stride, norms);
    case Element::binary: return bit_keys(metric, *queries, *rows, out, stride);
  }
}

template <class Kind> float length(const void* query, const unsigned char* row, uint32_t dimension) {
  float square, unused;
  tile<Kind, Product, 1, 1, Fetch::no, Lengths::no>((const typename Kind::Query*)query, &row, dimension, &square, 1, &unused);
  return __builtin_sqrtf(square);
}

float norm(const float* values, uint32_t dimension) { return length<Float32>(values, (const unsigned char*)values, dimension); }

float norm_of(Element element, const void* query, const unsigned char* row, uint32_t dimension) {
  switch (element) {
    case Element::float32: return length<Float32>(query, row, dimension);
    case Element::float16: return length<Float16>(query, row, dimension);
    case Element::bfloat16: return length<Bfloat16>(query, row, dimension);
    case Element::int8: return length<Int8>(query, row, dimension);
    case Element::binary: return (float)bits_of(row, dimension / 8);
  }
  return 0;
}

template <class Kind> void widen_halves(const unsigned char* row, uint64_t count, float* values) {
  uint64_t i = 0;
  for (; i + F32::lanes <= count; i += F32::lanes) Kind::row(row + i * 2).store(values + i);
  if (i == count) return;
  float rest[F32::lanes];
  Kind::row_first(row + i * 2, (uint32_t)(count - i)).store(rest);
  memcpy(values + i, rest, (count - i) * sizeof(float));
}

void widen(Element element, const unsigned char* row, uint64_t count, float* values) {
  switch (element) {
    case Element::float32: memcpy(values, row, count * sizeof(float)); return;
    case Element::float16: return widen_halves<Float16>(row, count, values);
    case Element::bfloat16: return widen_halves<Bfloat16>(row, count, values);
    case Element::int8:
      for (uint64_t i = 0; i < count; ++i) values[i] = (float)(int8_t)row[i];
      return;
    case Element::binary: return;
  }
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
template <class Word> uint64_t first_with_all(Word exponent, const unsigned char* values, uint64_t count) {
  constexpr uint64_t block = 1024;
  const auto bad = [&](uint64_t i) __attribute__((always_inline)) {
    Word bits;
    memcpy(&bits, values + i * sizeof bits, sizeof bits);
    return (Word)(bits & exponent) == exponent;
  };
  for (uint64_t i = 0; i < count; i += block) {
    const uint64_t end = count - i < block ? count : i + block;
    Word found = 0;
    for (uint64_t j = i; j < end; ++j) found |= (Word)bad(j);
    if (!found) continue;
    for (uint64_t j = i; j < end; ++j)
      if (bad(j)) return j;
  }
  return count;
}

uint64_t first_not_finite(Element element, const void* values, uint64_t count) {
  const auto* at = (const unsigned char*)values;
  switch (element) {
    case Element::float32: return first_with_all<uint32_t>(0x7f800000u, at, count);
    case Element::float16: return first_with_all<uint16_t>(0x7c00u, at, count);
    case Element::bfloat16: return first_with_all<uint16_t>(0x7f80u, at, count);
    default: return count;
  }
}

uint64_t read_all(const unsigned char* at, uint64_t bytes) {
  uint64_t part[32] = {}, i = 0;
  for (; i + sizeof part <= bytes; i += sizeof part) {
    uint64_t words[32];
    memcpy(words, at + i, sizeof words);
    for (int j = 0; j < 32; ++j) part[j] += words[j];
  }
  uint64_t total = 0;
  for (uint64_t p : part) total += p;
  for (; i < bytes; i += 8) total += rest_at(at + i, bytes - i < 8 ? (uint32_t)(bytes - i) : 8);
  return total;
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
    .norm_of = norm_of,
    .widen = widen,
    .pick = pick,
    .first_not_finite = first_not_finite,
    .read = read_all,
    .count_members = count_members,
    .list_members = list_members,
    .unpack_rows = unpack_rows,
    .graph =
        {
            .rotate = rotate,
            .to_codes = to_codes,
            .sketch = make_sketches,
            .least_distances = least_distances,
            .distances = distances,
            .clear = clear,
            .begin_walk = begin_walk,
            .step_walk = step_walk,
            .sign_sums = sign_sums,
            .pack = pack,
            .begin_packed = begin_packed,
            .step_packed = step_packed,
            .clear_pool = clear_pool,
            .choose = choose,
            .crc32c = crc32c,
        },
    .lists =
        {
            .squares = squares,
            .products = products,
            .scan_block = scan_block,
        },
    .filter =
        {
            .range_i8 = range_of<int8_t>,
            .range_i16 = range_of<int16_t>,
            .range_i32 = range_of<int32_t>,
            .range_i64 = range_of<int64_t>,
            .range_f32 = range_of<float>,
            .range_f64 = range_of<double>,
            .set_bytes = set_bytes,
            .few_i64 = few_i64,
            .find = find_literal,
        },
};

}  // namespace elanus
