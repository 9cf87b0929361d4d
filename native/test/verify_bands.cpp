// Bands of MinHash signatures behind the C ABI, without Node: hits against their definition, filters, ranges, the same file whatever the
// machine does, damaged files, degenerate rows, nonsense.
#include "../include/elanus_bands.h"
#include "../include/elanus_slim.h"
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>
#include "asked.h"
#include "check.h"
#include "files.h"

static std::string folder;

using Bytes = std::vector<unsigned char>;

// Signatures of `hashes` hashes: every row is one of a few originals, of which some hashes were drawn anew.
static Bytes signatures(size_t rows, uint32_t hashes, uint32_t hash_bits, uint32_t seed) {
  const uint32_t bytes = hash_bits / 8;
  std::mt19937_64 random(seed);
  Bytes all(rows * hashes * bytes);
  for (size_t row = 0; row < rows; ++row) {
    std::mt19937_64 original(random() % 40);
    const uint64_t changed = random() % 90;
    for (uint32_t i = 0; i < hashes; ++i) {
      const uint64_t own = original(), drawn = random(), hash = random() % 100 < changed ? drawn : own;
      std::memcpy(all.data() + (row * hashes + i) * bytes, &hash, bytes);
    }
  }
  return all;
}

struct Built : BuiltIndex {
  const uint32_t hash_bits, bands;

  Built(const Bytes& entries, uint32_t hashes, uint32_t hash_bits, uint32_t bands)
      : BuiltIndex(folder + "/a.index", entries, ELANUS_BINARY, hashes * hash_bits, ELANUS_MHJACCARD,
                   [&](const BuiltIndex& own, elanus_error* error) {
                     const elanus_bands_build plan = {own.rows, own.count, hash_bits, bands, 7};
                     return elanus_bands_build_wait(&plan, own.path.c_str(), error);
                   }),
        hash_bits(hash_bits), bands(bands) {}
};

struct Asked : AskedIndex {
  Asked(const Built& built, Bytes entries, uint32_t k, uint32_t reorder = 0, const std::vector<uint8_t>* allowed = nullptr)
      : AskedIndex(built, std::move(entries), k, allowed) {
    plan.reorder = reorder;
    exact.hash_bits = built.hash_bits;
  }
};

// The number of bands that the row shares with the query, and the share of equal hashes.
static std::pair<uint32_t, float> shared(const unsigned char* query, const unsigned char* row, uint32_t hashes, uint32_t bytes, uint32_t bands) {
  const uint32_t each = hashes / bands;
  uint32_t count = 0, equal = 0;
  for (uint32_t band = 0; band < bands; ++band) count += !std::memcmp(query + (size_t)band * each * bytes, row + (size_t)band * each * bytes, (size_t)each * bytes);
  for (uint32_t i = 0; i < hashes; ++i) equal += !std::memcmp(query + (size_t)i * bytes, row + (size_t)i * bytes, bytes);
  return {count, (float)equal / (float)hashes};
}

// Without scores: every row that shares a band, in the order of ranks and numbers, each with 1.
static void shared_alone(const Built& built, const Bytes& queries, const Bytes& entries, uint32_t hashes, uint32_t bands) {
  constexpr uint32_t k = 15;
  const uint32_t bytes = built.hash_bits / 8, row_bytes = hashes * bytes;
  std::mt19937 random(5);
  const std::vector<uint8_t> some = chosen(random, built.count, 0.3);
  std::vector<uint32_t> ranks(built.count);
  for (uint32_t i = 0; i < ranks.size(); ++i) ranks[i] = (uint32_t)ranks.size() - i;
  std::shuffle(ranks.begin(), ranks.end(), random);
  for (const std::vector<uint8_t>* allowed : {(const std::vector<uint8_t>*)nullptr, &some})
    for (const bool ranked : {false, true}) {
      Asked asked(built, queries, k, 0, allowed);
      asked.plan.unscored = 1;
      asked.exact.bands = bands;
      if (ranked) asked.plan.rank = asked.exact.rank = ranks.data(), asked.plan.rank_count = asked.exact.rank_count = ranks.size();
      CHECK(asked.run());
      bool good = asked.rows == asked.exact_rows && asked.tied == asked.exact_tied;
      for (uint32_t q = 0; q < asked.tied.size(); ++q) {
        std::vector<std::pair<uint32_t, uint32_t>> hits;   // rank, row
        for (uint32_t row = 0; row < built.count; ++row)
          if (shared(queries.data() + q * row_bytes, entries.data() + row * row_bytes, hashes, bytes, bands).first && (!allowed || (*allowed)[row / 8] >> (row % 8) & 1))
            hits.push_back({ranked ? ranks[row] : 0, row});
        std::sort(hits.begin(), hits.end());
        good &= asked.tied[q] == (hits.size() > k);
        for (uint32_t i = 0; i < k; ++i)
          good &= i < hits.size() ? asked.rows[q * k + i] == hits[i].second && asked.scores[q * k + i] == 1 : asked.rows[q * k + i] == ELANUS_NO_ROW;
      }
      CHECK(good);
      asked.plan.has_outer = 1, asked.plan.outer = 1;
      CHECK(elanus_index_search_wait(&asked.plan, nullptr) == ELANUS_OK && std::count(asked.rows.begin(), asked.rows.end(), ELANUS_NO_ROW) == (long)asked.rows.size());
    }
}

// All hits are those that the definition gives.
static void by_definition() {
  constexpr uint32_t hashes = 24;
  const size_t rows = slow ? 400 : 2000;
  std::mt19937 random(3);
  for (const uint32_t hash_bits : {8u, 16u, 32u, 64u})
    for (const uint32_t bands : {1u, 4u, 5u, 24u}) {
      const Bytes entries = signatures(rows, hashes, hash_bits, 1), queries = signatures(20, hashes, hash_bits, 2);
      const uint32_t bytes = hash_bits / 8, row_bytes = hashes * bytes, k = 15;
      const Built built(entries, hashes, hash_bits, bands);
      const std::vector<uint8_t> some = chosen(random, rows, 0.3);
      for (const std::vector<uint8_t>* allowed : {(const std::vector<uint8_t>*)nullptr, &some})
        for (const uint32_t reorder : {0u, 20u}) {
          Asked asked(built, queries, k, reorder, allowed);
          CHECK(asked.run());
          bool good = true;
          for (uint32_t q = 0; q < 20; ++q) {
            std::vector<std::pair<uint32_t, uint32_t>> candidates;   // bands that are not shared, row
            for (uint32_t row = 0; row < rows; ++row) {
              const uint32_t count = shared(queries.data() + q * row_bytes, entries.data() + row * row_bytes, hashes, bytes, bands).first;
              if (count && (!allowed || (*allowed)[row / 8] >> (row % 8) & 1)) candidates.push_back({bands - count, row});
            }
            std::sort(candidates.begin(), candidates.end());
            if (reorder) candidates.resize(std::min<size_t>(candidates.size(), reorder));
            std::vector<std::pair<float, uint32_t>> hits;
            for (const auto& [unshared, row] : candidates) hits.push_back({-shared(queries.data() + q * row_bytes, entries.data() + row * row_bytes, hashes, bytes, bands).second, row});
            std::sort(hits.begin(), hits.end());
            for (uint32_t i = 0; i < k; ++i) {
              const uint32_t row = asked.rows[q * k + i];
              good &= i < hits.size() ? row == hits[i].second && asked.scores[q * k + i] == -hits[i].first : row == ELANUS_NO_ROW;
            }
          }
          CHECK(good);
        }
      shared_alone(built, queries, entries, hashes, bands);
      // A band of one hash finds every row that has a score at all.
      if (bands == hashes) CHECK(Asked(built, queries, 50).recall() == 1);
    }
}

static void ranges() {
  constexpr uint32_t hashes = 16;
  const Bytes entries = signatures(600, hashes, 32, 1), queries = signatures(10, hashes, 32, 2);
  const Built built(entries, hashes, 32, hashes);
  for (const auto& [outer, inner] : {std::pair<float, float>{0.2f, 2.f}, {0.2f, 0.6f}, {0.f, 0.3f}}) {
    Asked asked(built, queries, 30, 40);
    asked.plan.has_outer = 1, asked.plan.outer = outer;
    asked.plan.has_inner = inner < 2, asked.plan.inner = inner;
    if (inner < 2) CHECK(asked.recall() == 1);
    else CHECK(asked.run());
    for (size_t i = 0; i < asked.rows.size(); ++i) CHECK(asked.rows[i] == ELANUS_NO_ROW || (asked.scores[i] > outer && asked.scores[i] <= inner));
  }
}

static void same_file() {
  const Bytes entries = signatures(slow ? 300 : 3000, 20, 16, 6);
  std::string first;
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) {
    if (elanus_use_instruction_set(set, nullptr) != ELANUS_OK) continue;
    for (const uint32_t threads : {3u, 1u}) {
      CHECK(elanus_set_threads(threads, nullptr) == ELANUS_OK);
      const Built built(entries, 20, 16, 5);
      const std::string now = contents(built.path);
      CHECK(!now.empty() && (first.empty() || first == now));
      if (first.empty()) first = now;
    }
  }
  CHECK(elanus_set_threads(2, nullptr) == ELANUS_OK);
}

// Damages bytes, and every other time mends the checksums afterwards.
static void damaged_files() {
  constexpr uint32_t rows = 70;
  const Bytes entries = signatures(rows, 6, 8, 8);
  const Built built(entries, 6, 8, 3);
  open_damaged(built, {2, 40, 840}, slow ? 1500 : 5000, 20, 1000, [&](elanus_index index) {
    Asked asked(built, {entries.begin(), entries.begin() + 6 * 3}, 5, 9);
    ask_damaged(asked, index, rows);
    elanus_bands_description description;
    CHECK(elanus_bands_describe(index, &description, nullptr) == ELANUS_OK);
  });
}

static void degenerate() {
  for (const size_t rows : {0, 1, 2, 33}) {
    const Built built(signatures(rows, 4, 8, 1), 4, 8, 4);
    CHECK(Asked(built, signatures(4, 4, 8, 2), 10).recall() == 1);
    CHECK(Asked(built, {}, 3).recall() == 1);
  }
  // Equal rows: one bucket has them all, and ties go by number.
  const Built built(Bytes(3000 * 8, 5), 8, 8, 2);
  Asked asked(built, Bytes(8, 5), 10, 10);
  CHECK(asked.run() && asked.tied[0] == 0 && asked.rows == asked.exact_rows && asked.scores == asked.exact_scores);
  elanus_bands_description d;
  CHECK(elanus_bands_describe(built.index, &d, nullptr) == ELANUS_OK && d.bucket_count == 2 && d.longest_bucket == 3000 && d.band_hashes == 4);
  CHECK(d.key_bytes == 3000 * 2 * 4 && d.number_bytes == d.key_bytes);
}

static void nonsense() {
  const Built built(signatures(300, 8, 16, 1), 8, 16, 4);
  elanus_error error;
  const elanus_bands_build plan = {built.rows, 300, 16, 4, 1};
  const std::string path = folder + "/n.index";
  auto refused = [&](auto change) {
    elanus_bands_build changed = plan;
    change(changed);
    return elanus_bands_build_wait(&changed, path.c_str(), &error) == ELANUS_INVALID;
  };
  CHECK(refused([](auto& p) { p.row_count = 301; }) && refused([](auto& p) { p.hash_bits = 24; }) && refused([](auto& p) { p.bands = 9; }) && refused([](auto& p) { p.bands = 0; }));
  for (const uint32_t reorder : {3u, ~0u}) {
    Asked wrong(built, signatures(2, 8, 16, 2), 10, reorder);
    CHECK(elanus_index_search_wait(&wrong.plan, &error) == ELANUS_INVALID);
  }
  elanus_slim_description other;
  CHECK(elanus_slim_describe(built.index, &other, &error) == ELANUS_INVALID);
  Asked late(built, signatures(60000, 8, 16, 2), 10);
  late.plan.time_limit_microseconds = 1;
  CHECK(elanus_index_search_wait(&late.plan, &error) == ELANUS_LATE);
  for (int i = 0; i < 3; ++i) {
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_bands_build_start(&plan, path.c_str(), End::call, &end, &job, nullptr) == ELANUS_OK);
    elanus_job_cancel(job);
    if (end.wait() == ELANUS_OK) ::unlink(path.c_str());
    elanus_job_release(job);
    CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
  }
}

int main() {
  char name[] = "/tmp/elanus-verify-XXXXXX";
  folder = mkdtemp(name);
  by_definition();
  ranges();
  same_file();
  degenerate();
  nonsense();
  damaged_files();
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(elanus_open_handles() == 0 && memory.index_bytes == 0 && memory.mapped_bytes == 0 && memory.build_bytes == 0 && memory.search_bytes == 0);
  ::rmdir(folder.c_str());
  std::printf("bands: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
