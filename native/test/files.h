// What the programs that damage index files share: made rows, a file's bytes, and check-sums that are right again.
#pragma once
#include <atomic>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>
#include "../include/elanus_index.h"

// Read and mapped by turns: everything that is checked of an index holds both ways.
[[maybe_unused]] static uint32_t next_way() {
  static std::atomic<uint32_t> opened = 0;
  return opened++ % 2 ? ELANUS_MAP : ELANUS_READ;
}

// Rows around 40 centres, which are the same for every seed.
[[maybe_unused]] static std::vector<float> clustered(size_t rows, uint32_t dimension, uint32_t seed, float spread = 0.4f) {
  std::mt19937 centres(11), random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> centre(40 * dimension), values(rows * dimension);
  for (float& x : centre) x = normal(centres);
  for (size_t i = 0; i < rows; ++i) {
    const float* c = centre.data() + random() % 40 * dimension;
    for (uint32_t j = 0; j < dimension; ++j) values[i * dimension + j] = c[j] + spread * normal(random);
  }
  return values;
}

[[maybe_unused]] static std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Bit by bit, as the definition has it.
[[maybe_unused]] static uint32_t crc32c(const unsigned char* at, size_t count) {
  uint32_t crc = ~0u;
  for (; count; --count) {
    crc ^= *at++;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

// One page of header: entries of 24 bytes, of which 8 to 15 are a section's offset and 16 to 23 its bytes; the page's own check-sum last.
struct SectionTable {
  size_t at, checksum_at;   // of the first entry in the page, and of the check-sum in an entry
  uint32_t sections;
};

// As no accident would: what is wrong then has to be found by the checks of numbers.
[[maybe_unused]] static void mend_checksums(std::string& bytes, const SectionTable& table) {
  if (bytes.size() < 4096) return;
  auto* page = (unsigned char*)bytes.data();
  for (uint32_t i = 0; i < table.sections; ++i) {
    unsigned char* entry = page + table.at + 24 * i;
    uint64_t offset, count;
    std::memcpy(&offset, entry + 8, 8);
    std::memcpy(&count, entry + 16, 8);
    if (offset > bytes.size() || count > bytes.size() - offset) continue;
    const uint32_t checksum = crc32c(page + offset, count);
    std::memcpy(entry + table.checksum_at, &checksum, 4);
  }
  const uint32_t checksum = crc32c(page, 4092);
  std::memcpy(page + 4092, &checksum, 4);
}

// Some other value, often all ones or zero, or one bit turned.
[[maybe_unused]] static void damage(char& byte, std::mt19937& random) {
  if (random() % 2) byte = (char)(random() % 4 ? random() : random() % 2 ? 255 : 0);
  else byte ^= (char)(1 << (random() % 8));
}
