// What the programs that check indexes share: an index over made rows, and a search of it beside the exact search of the same.
#pragma once
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>
#include "../include/elanus_index.h"
#include "check.h"
#include "files.h"

// Under these, and emulated, every instruction costs ten: fewer rows, lower aims.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(ELANUS_SLOW)
constexpr bool slow = true;
#else
constexpr bool slow = false;
#endif

// What `values` are in rows of this element: the upper half of a float is a bfloat16; halves are made of small whole numbers.
[[maybe_unused]] static std::vector<unsigned char> entries_of(uint32_t element, const std::vector<float>& values) {
  std::vector<unsigned char> bytes;
  auto put = [&](auto value) { bytes.insert(bytes.end(), (unsigned char*)&value, (unsigned char*)&value + sizeof value); };
  for (size_t i = 0; i < values.size(); ++i) {
    if (element == ELANUS_FLOAT32) put(values[i]);
    else if (element == ELANUS_INT8) put((int8_t)std::clamp(values[i] * 30, -127.f, 127.f));
    else if (element == ELANUS_BINARY) {
      if (i % 8 == 0) bytes.push_back(0);
      bytes.back() |= (unsigned char)((values[i] > 0.5f) << (i % 8));
    } else {
      uint32_t bits;
      std::memcpy(&bits, &values[i], 4);
      if (element == ELANUS_BFLOAT16) put((uint16_t)(bits >> 16));
      else {
        const int exponent = (int)(bits >> 23 & 255) - 127 + 15;
        put((uint16_t)(exponent <= 0 ? 0 : (bits >> 16 & 0x8000) | (uint32_t)std::min(exponent, 30) << 10 | (bits >> 13 & 0x3ff)));
      }
    }
  }
  return bytes;
}
[[maybe_unused]] static uint32_t entry_bytes(uint32_t element) { return element == ELANUS_FLOAT32 ? 4 : element == ELANUS_FLOAT16 || element == ELANUS_BFLOAT16 ? 2 : 1; }

struct BuiltIndex {
  elanus_rows rows = 0;
  elanus_index index = 0;
  const std::string path;
  const uint32_t element, dimension, metric;
  uint64_t count = 0;

  // `build(error)` writes the file at `path` from `rows`.
  template <class Build> BuiltIndex(std::string path, const std::vector<unsigned char>& entries, uint32_t element, uint32_t dimension, uint32_t metric, Build build)
      : path(std::move(path)), element(element), dimension(dimension), metric(metric) {
    elanus_error error = {};
    CHECK(elanus_rows_create(element, dimension, &rows, &error) == ELANUS_OK);
    CHECK(elanus_rows_append(rows, entries.data(), entries.size() / entry_bytes(element), &count, &error) == ELANUS_OK);
    CHECK(build(*this, &error) == ELANUS_OK);
    CHECK(elanus_index_open_wait(this->path.c_str(), rows, next_way(), &index, &error) == ELANUS_OK);
    if (*error.text) std::fprintf(stderr, "%s\n", error.text);
  }
  ~BuiltIndex() {
    CHECK(elanus_index_close(index, nullptr) == ELANUS_OK);
    CHECK(elanus_rows_close(rows, nullptr) == ELANUS_OK);
    ::unlink(path.c_str());
  }
  BuiltIndex(const BuiltIndex&) = delete;
};

// `plan` and `exact` may be changed before they are run; of the range and the ranks only the plan's.
struct AskedIndex {
  elanus_index_search plan = {};
  elanus_search exact = {};
  const std::vector<unsigned char> queries;
  std::vector<float> scores, exact_scores;
  std::vector<uint32_t> rows, exact_rows;
  std::vector<uint8_t> tied, exact_tied;
  std::vector<double> work = std::vector<double>(ELANUS_INDEX_WORK);

  AskedIndex(const BuiltIndex& built, std::vector<unsigned char> entries, uint32_t k, const std::vector<uint8_t>* allowed) : queries(std::move(entries)) {
    const uint64_t values = queries.size() / entry_bytes(built.element);
    const size_t count = values / (built.element == ELANUS_BINARY ? built.dimension / 8 : built.dimension);
    rows.resize(count * k), exact_rows.resize(count * k);
    scores.resize(count * k), exact_scores.resize(count * k);
    tied.resize(count), exact_tied.resize(count);
    plan.index = built.index;
    plan.queries = queries.data(), plan.query_value_count = values;
    plan.k = k;
    if (allowed) plan.allowed = allowed->data(), plan.allowed_bytes = allowed->size();
    plan.hit_rows = rows.data(), plan.hit_row_count = rows.size();
    plan.hit_scores = scores.data(), plan.hit_score_count = scores.size();
    plan.tied = tied.data(), plan.tied_count = tied.size();
    plan.work = work.data(), plan.work_count = work.size();
    exact.rows = built.rows, exact.row_count = built.count;
    exact.queries = queries.data(), exact.query_value_count = values;
    exact.metric = built.metric, exact.k = k;
    exact.allowed = plan.allowed, exact.allowed_bytes = plan.allowed_bytes;
    exact.hit_rows = exact_rows.data(), exact.hit_row_count = exact_rows.size();
    exact.hit_scores = exact_scores.data(), exact.hit_score_count = exact_scores.size();
    exact.tied = exact_tied.data(), exact.tied_count = exact_tied.size();
  }
  AskedIndex(const AskedIndex&) = delete;

  bool run() {
    exact.has_outer = plan.has_outer, exact.has_inner = plan.has_inner;
    exact.outer = plan.outer, exact.inner = plan.inner;
    exact.rank = plan.rank, exact.rank_count = plan.rank_count;
    elanus_error error = {};
    const bool good = elanus_index_search_wait(&plan, &error) == ELANUS_OK && elanus_search_wait(&exact, &error) == ELANUS_OK;
    if (*error.text) std::fprintf(stderr, "%s\n", error.text);
    return good;
  }
  bool same() {
    return run() && rows == exact_rows && tied == exact_tied && (scores.empty() || !std::memcmp(scores.data(), exact_scores.data(), scores.size() * 4));
  }
  // The share of exact hits that were found: by score, or by row where scores are those of codes. Checks that hits are allowed, sorted and
  // different, that there are no more than exact ones, and that scores which must be exact are.
  double recall(bool exact_values = true) {
    CHECK(run());
    const uint32_t k = plan.k;
    const bool larger = exact.metric == ELANUS_IP || exact.metric == ELANUS_COSINE || exact.metric == ELANUS_MHJACCARD;
    uint64_t found = 0, wanted = 0;
    bool good = true;
    for (size_t q = 0; q < tied.size(); ++q) {
      const uint32_t *hits = rows.data() + q * k, *truth = exact_rows.data() + q * k;
      const float *own = scores.data() + q * k, *right = exact_scores.data() + q * k;
      const uint32_t there = (uint32_t)(std::find(truth, truth + k, ELANUS_NO_ROW) - truth), count = (uint32_t)(std::find(hits, hits + k, ELANUS_NO_ROW) - hits);
      std::set<uint32_t> seen;
      for (uint32_t i = 0; i < count; ++i) {
        good &= hits[i] < exact.row_count && (!plan.allowed || plan.allowed[hits[i] / 8] >> (hits[i] % 8) & 1) && seen.insert(hits[i]).second;
        if (i) good &= larger ? own[i - 1] >= own[i] : own[i - 1] <= own[i];
        const uint32_t place = (uint32_t)(std::find(truth, truth + there, hits[i]) - truth);
        if (!exact_values) {
          found += place < there;
          continue;
        }
        good &= place == there || right[place] == own[i];
        found += there && (larger ? own[i] >= right[there - 1] : own[i] <= right[there - 1]);
      }
      for (uint32_t i = count; i < k; ++i) good &= hits[i] == ELANUS_NO_ROW && std::isnan(own[i]);
      if (exact_values) good &= count <= there;
      wanted += there;
    }
    CHECK(good);
    return wanted ? (double)found / (double)wanted : 1;
  }
};

// Bits behind the last row are set: they must not count.
[[maybe_unused]] static std::vector<uint8_t> chosen(std::mt19937& random, uint64_t rows, double share) {
  std::vector<uint8_t> bits((rows + 63) / 64 * 8);
  for (uint64_t i = 0; i < bits.size() * 8; ++i)
    if (i >= rows || random() % 1000000 < share * 1000000) bits[i / 8] |= (uint8_t)(1 << (i % 8));
  return bits;
}

// What there is of a file to damage: bytes of its shape, which stand at 400; its sections; and how far into one.
struct Damaged {
  uint32_t sections, shape_bytes, reach;
};

// One to three bytes of the header, the shape, anywhere or of a section; now and then the file is cut, or longer.
[[maybe_unused]] static void spoil(std::string& bytes, const Damaged& file, std::mt19937& random) {
  const uint32_t kind = random() % 8, section = random() % file.sections;
  uint64_t offset;
  std::memcpy(&offset, bytes.data() + 16 + 24 * section + 8, 8);
  for (uint32_t i = 0; i <= random() % 3; ++i) {
    const size_t from = kind < 2 ? 0 : kind < 3 ? 400 : kind < 4 ? 0 : std::min<size_t>(offset, bytes.size() - 1);
    const size_t at = from + random() % (kind < 2 ? 400 : kind < 3 ? file.shape_bytes : kind < 4 ? bytes.size() : std::min<size_t>(file.reach, bytes.size() - from));
    damage(bytes[at], random);
  }
  if (kind == 7 && random() % 4 == 0) bytes.resize(random() % bytes.size());
  if (kind == 6 && random() % 4 == 0) bytes.append(random() % 5000, 0);
}

// Opens the index's file `rounds` times with damaged bytes, every other time with checksums that are right again, read and mapped by turns.
// It opens or is refused by its name, and nothing else; `ask(index)` searches what opens.
template <class Ask> void open_damaged(const BuiltIndex& built, const Damaged& damaged, int rounds, int least_opened, int least_refused, Ask ask) {
  const std::string whole = contents(built.path), path = built.path + ".damaged";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  std::mt19937 random(1);
  int opened = 0, refused = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = whole;
    spoil(bytes, damaged, random);
    if (random() % 2) mend_checksums(bytes, {16, 0, damaged.sections});
    CHECK(!ftruncate(file, 0) && pwrite(file, bytes.data(), bytes.size(), 0) == (ssize_t)bytes.size());
    elanus_index index = 0;
    elanus_error error = {};
    const int status = elanus_index_open_wait(path.c_str(), built.rows, round % 2 ? ELANUS_MAP : ELANUS_READ, &index, &error);
    CHECK(status == ELANUS_OK || status == ELANUS_FILE);
    if (status != ELANUS_OK) {
      ++refused;
      CHECK(std::strstr(error.text, ".damaged"));
      continue;
    }
    ++opened;
    ask(index);
    CHECK(elanus_index_close(index, &error) == ELANUS_OK);
  }
  CHECK(opened > least_opened && refused > least_refused);
  if (opened <= least_opened || refused <= least_refused) std::fprintf(stderr, "  %d opened, %d refused\n", opened, refused);
  ::close(file);
  ::unlink(path.c_str());
}

// A search of an index that may be damaged: it ends well, with rows that there are.
inline void ask_damaged(AskedIndex& asked, elanus_index index, uint64_t rows) {
  elanus_error error;
  asked.plan.index = index;
  CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_OK);
  for (const uint32_t row : asked.rows) CHECK(row < rows || row == ELANUS_NO_ROW);
}
