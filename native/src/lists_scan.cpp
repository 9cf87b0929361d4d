#include "lists_scan.h"
#include <algorithm>
#include <cmath>
#include "placing.h"

namespace elanus {

namespace {

constexpr uint32_t sorted_at_first = 16;

bool is_usable(float step) { return std::isfinite(step) && step > 0 && std::isfinite(1 / step); }

// To so many bits, evenly between the least and the greatest value.
void round_to_bits(float* values, uint32_t count, uint32_t bits) {
  const auto [least, most] = std::minmax_element(values, values + count);
  const float first = *least, step = (*most - first) / (float)((1u << bits) - 1);
  if (!is_usable(step)) return;
  for (uint32_t i = 0; i < count; ++i) values[i] = first + std::nearbyint((values[i] - first) / step) * step;
}

}  // namespace

ListsQuery::ListsQuery(const ListsIndex& index, const unsigned char* query, uint32_t query_bits, ListsScratch& scratch) : index_(index), t_(scratch) {
  const uint32_t dims = index.grid.dims();
  t_.codes.resize(dims);
  t_.s.work.resize(dims);
  t_.numbers.resize(index.shape.dimension);
  numbers_of(index.shape.layout(), query, t_.numbers.data());
  grid_ = index.grid.encode_query(t_.numbers.data(), t_.s.work.data(), t_.codes.data());
  float* point = t_.s.work.data();   // where the query is, in steps of the grid
  switch (index.shape.codes) {
    case RowCodes::book: prepare_book(point); break;
    case RowCodes::nibble: prepare_book(point); [[fallthrough]];
    case RowCodes::sign: prepare_luts(point, query_bits); break;
    default: break;
  }
  index.centres.distances(grid_.codes, t_.s);
  t_.centre_distances.swap(t_.s.distances);
  t_.order = index.centres.all;
}

void ListsQuery::sort(uint32_t count) {
  if (count <= sorted_) return;
  const uint32_t lists = (uint32_t)t_.order.size(), next = std::min(lists, std::max({count, 2 * sorted_, sorted_at_first}));
  const auto nearer = [&](uint32_t a, uint32_t b) { return t_.centre_distances[a] != t_.centre_distances[b] ? t_.centre_distances[a] < t_.centre_distances[b] : a < b; };
  const auto from = t_.order.begin() + sorted_, to = t_.order.begin() + next;
  if (next < lists) std::nth_element(from, to, t_.order.end(), nearer);
  std::sort(from, to, nearer);
  sorted_ = next;
}

void ListsQuery::prepare_book(const float* point) {
  const BookShape& book = index_.book.shape;
  t_.table.resize(book.table_floats());
  for (uint32_t i = 0; i < book.subspaces; ++i)
    table().lists.products(point + book.first(i), book.width(i), index_.book.of(i), book.padded_words(), t_.table.data() + (size_t)i * book.padded_words());
}

// Tables of bytes: every group less its least value, in steps that all groups share.
void ListsQuery::prepare_luts(const float* point, uint32_t query_bits) {
  const uint32_t groups = index_.shape.groups();
  t_.luts.assign((size_t)groups * bytes_of_group, 0);
  const bool signs = index_.shape.codes == RowCodes::sign;
  const uint32_t dims = index_.grid.dims(), used = signs ? dims / 4 : index_.book.shape.subspaces;
  if (signs) {
    t_.keys.assign(point, point + dims);
    if (query_bits) round_to_bits(t_.keys.data(), dims, query_bits);
    t_.table.resize((size_t)used * 16);
    for (uint32_t group = 0; group < used; ++group) {
      const float* q = t_.keys.data() + 4 * group;
      for (uint32_t code = 0; code < 16; ++code) {
        const float low = (code & 1 ? q[0] : -q[0]) + (code & 2 ? q[1] : -q[1]), high = (code & 4 ? q[2] : -q[2]) + (code & 8 ? q[3] : -q[3]);
        t_.table[(size_t)group * 16 + code] = low + high;
      }
    }
  }
  float widest = 0, offset = 0;
  for (uint32_t group = 0; group < used; ++group) {
    const auto [least, most] = std::minmax_element(t_.table.data() + (size_t)group * 16, t_.table.data() + (size_t)group * 16 + 16);
    widest = std::max(widest, *most - *least);
    offset += *least;
  }
  lut_offset_ = offset;
  lut_step_ = widest / 255;
  if (!is_usable(lut_step_)) {
    lut_step_ = 0;
    return;
  }
  const float inverse = 1 / lut_step_;
  for (uint32_t group = 0; group < used; ++group) {
    const float* values = t_.table.data() + (size_t)group * 16;
    const float least = *std::min_element(values, values + 16);
    for (uint32_t code = 0; code < 16; ++code)
      t_.luts[(size_t)group * bytes_of_group + code] = (uint8_t)std::clamp((values[code] - least) * inverse + 0.5f, 0.f, 255.f);
  }
}

// Of an approximate distance. No row is nearer than 0 (L2), nor more like the query than it is to itself (COSINE).
float ListsQuery::key_of(float distance) const {
  const float key = grid_.scale * distance + grid_.shift;
  const Metric metric = index_.grid.state().metric;
  if (metric == Metric::l2) return key < 0 ? 0 : key;
  if (metric == Metric::cosine) return key < -1 ? -1 : key > 1 ? 1 : key;
  return key;
}

void ListsQuery::keys(uint32_t list, const uint32_t* slots, uint32_t count, float* out) const {
  const float base = t_.centre_distances[list];
  const ListsShape& shape = index_.shape;
  switch (shape.codes) {
    case RowCodes::none: return;
    case RowCodes::byte: {
      const CodeRows rows = {(const int8_t*)index_.codes.data(), (const CodeTerms*)index_.terms.data(), index_.grid.dims()};
      table().graph.distances(&grid_.codes, &rows, slots, count, out);
      break;
    }
    case RowCodes::book: {
      const uint32_t subspaces = shape.subspaces, bits = shape.bits, padded = index_.book.shape.padded_words();
      const uint64_t bytes = shape.code_bytes();
      for (uint32_t first = 0; first < count; first += 4) {   // four rows side by side, each in the order of subspaces
        const uint8_t* row[4];
        float sum[4] = {};
        for (uint32_t i = 0; i < 4; ++i) row[i] = index_.codes.data() + slots[std::min(first + i, count - 1)] * bytes;
        const float* words = t_.table.data();
        for (uint32_t m = 0; m < subspaces; ++m, words += padded)
          for (uint32_t i = 0; i < 4; ++i) sum[i] += words[bits == 8 ? row[i][m] : code_at(row[i], m, bits)];
        for (uint32_t i = 0; i < std::min(4u, count - first); ++i) out[first + i] = base + index_.terms[slots[first + i]] - 2 * sum[i];
      }
      break;
    }
    default: {
      const uint32_t first = slots[0];
      const uint64_t block = index_.blocks[list] + (first - index_.starts[list]) / block_of_codes;
      uint32_t sums[block_of_codes];
      table().lists.scan_block(index_.codes.data() + block * shape.code_bytes(), t_.luts.data(), shape.groups(), sums);
      const float* terms = index_.terms.data() + first * shape.term_floats();
      if (shape.codes == RowCodes::sign) {
        for (uint32_t i = 0; i < count; ++i) out[i] = base + terms[2 * i] - 2 * terms[2 * i + 1] * (lut_offset_ + lut_step_ * (float)(int32_t)sums[i]);
      } else {
        for (uint32_t i = 0; i < count; ++i) out[i] = base + terms[i] - 2 * (lut_offset_ + lut_step_ * (float)(int32_t)sums[i]);
      }
    }
  }
  for (uint32_t i = 0; i < count; ++i) out[i] = key_of(out[i]);
}

}  // namespace elanus
