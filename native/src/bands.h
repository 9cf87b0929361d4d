// An open index of bands, and what its file says: for each band, the rows sorted by a hash of what they have there.
//
//   keys      | band 0: rows x u32, ascending | band 1 | ...
//   numbers   | band 0: rows x u32            | band 1 | ...     row by row beside the keys; equal keys: ascending
//
// Always true: nothing changes after opening, so any number of threads search it; each band has every row once.
#pragma once
#include <cstring>
#include "../include/elanus_bands.h"
#include "memory.h"
#include "open_index.h"

namespace elanus {

// What the file says of itself.
struct BandsShape {
  uint32_t metric, dimension, element, hash_bits, bands, rows_check;
  uint64_t rows, seed;

  uint32_t hashes() const { return dimension / hash_bits; }
  uint32_t band_hashes() const { return hashes() / bands; }
  uint32_t band_bytes() const { return band_hashes() * (hash_bits / 8); }
};
static_assert(sizeof(BandsShape) == 40);

enum BandsSection : uint32_t { bands_keys, bands_numbers, bands_section_count };

struct BandsIndex final : OpenIndex {
  BandsIndex() : OpenIndex(IndexKind::bands) {}
  uint64_t indexed_rows() const override { return shape.rows; }

  BandsShape shape = {};
  uint64_t file_bytes = 0;
  Buffer<uint32_t> keys, numbers;

  const uint32_t* keys_of(uint32_t band) const { return keys.data() + (size_t)band * shape.rows; }
  const uint32_t* numbers_of(uint32_t band) const { return numbers.data() + (size_t)band * shape.rows; }
};

// Whether two signatures have a whole band in common; `bytes`: of one band.
inline bool share_band(const unsigned char* left, const unsigned char* right, uint32_t bands, uint32_t bytes) {
  for (uint32_t band = 0; band < bands; ++band)
    if (!std::memcmp(left + (size_t)band * bytes, right + (size_t)band * bytes, bytes)) return true;
  return false;
}

// Of the bytes of one band.
inline uint32_t key_of_band(const unsigned char* at, uint32_t bytes, uint64_t seed) {
  uint64_t hash = seed ^ 0x9e3779b97f4a7c15u;
  for (uint32_t i = 0; i < bytes; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, at + i, bytes - i < 8 ? bytes - i : 8);
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  hash *= 0xc4ceb9fe1a85ec53u;
  return (uint32_t)(hash >> 32);
}

}  // namespace elanus
