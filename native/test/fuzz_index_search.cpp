// Search parameters of every kind of index, sensible and not: a case is the numbers of a plan, one after the other.
//
// Always true: a plan is refused with a text, or carried out; hits are rows that may be returned.
#include <cmath>
#include "fuzz_bases.h"

namespace {

struct Opened {
  const Base* base;
  elanus_index index;
};

const std::vector<Opened>& opened() {
  static const auto* all = [] {
    auto* made = new std::vector<Opened>;
    Unnamed unnamed;
    for (const Base& base : Bases::all().list()) {
      elanus_error error = {};
      Opened one = {&base, 0};
      if (elanus_index_open_wait(unnamed.hold(base.bytes), base.rows, ELANUS_READ, &one.index, &error)) wrong(error.text);
      made->push_back(one);
    }
    return made;
  }();
  return *all;
}

// Small numbers mostly, since large ones are all refused alike.
uint32_t number(Numbers& numbers) {
  const uint32_t value = numbers.take<uint32_t>();
  return value >> 30 ? value & 0xff : value;
}

struct Common {
  std::unique_ptr<uint8_t[]> allowed;
  std::unique_ptr<uint32_t[]> rank;
  uint64_t allowed_bytes = 0, rank_count = 0;

  template <class Plan> void fill(Plan& plan, Numbers& numbers) {
    plan.k = number(numbers);
    const uint8_t flags = numbers.take<uint8_t>();
    plan.has_outer = flags & 1;
    plan.has_inner = (flags & 2) != 0;
    plan.outer = numbers.take<float>();
    plan.inner = numbers.take<float>();
    if (flags & 4) {
      allowed_bytes = numbers.take<uint8_t>();
      allowed = std::make_unique<uint8_t[]>(allowed_bytes);
      const uint8_t pattern = numbers.take<uint8_t>();
      for (uint64_t i = 0; i < allowed_bytes; ++i) allowed[i] = (uint8_t)(pattern >> i % 8 | i * pattern);
      plan.allowed = allowed.get(), plan.allowed_bytes = allowed_bytes;
    }
    if (flags & 8) {
      rank_count = numbers.take<uint16_t>();
      rank = std::make_unique<uint32_t[]>(rank_count);
      for (uint64_t i = 0; i < rank_count; ++i) rank[i] = (uint32_t)((i * 7919) % (rank_count + 1));
      plan.rank = rank.get(), plan.rank_count = rank_count;
    }
  }
  void check(const Hits& hits, uint64_t row_count) const {
    hits.check(row_count);
    for (uint64_t i = 0; i < hits.count && allowed; ++i) {
      const uint32_t row = hits.rows[i];
      if (row != ELANUS_NO_ROW && !(allowed[row / 8] >> row % 8 & 1)) wrong("a hit may not be returned");
    }
  }
};

// Refused for a reason that the caller can read, or done.
bool done(int status, const elanus_error& error) {
  if (status == ELANUS_OK) return true;
  if ((status != ELANUS_INVALID && status != ELANUS_LATE) || !*error.text) wrong("a search was refused without a reason");
  return false;
}

constexpr uint64_t most_hits = 1 << 16;

void search_dense(const Opened& one, Numbers& numbers) {
  elanus_index_search plan = {};
  Common common;
  plan.index = one.index;
  common.fill(plan, numbers);
  plan.ef = number(numbers);
  plan.probes = number(numbers);
  plan.reorder = number(numbers);
  plan.query_bits = number(numbers);
  plan.time_limit_microseconds = numbers.take<uint16_t>();
  const uint32_t values = numbers.take<uint8_t>() % 64;
  auto floats = std::make_unique<float[]>(values);
  auto bytes = std::make_unique<uint8_t[]>(values);
  for (uint32_t i = 0; i < values; ++i) {
    floats[i] = numbers.take<float>();
    if (!(std::fabs(floats[i]) < 1e30f) && i % 2) floats[i] = 1;
    bytes[i] = (uint8_t)(one.base->queries[i % one.base->queries.size()] ^ (i % 7 ? 0 : (int)values));
  }
  plan.queries = one.base->entry_bytes == 1 ? (const void*)bytes.get() : floats.get();
  plan.query_value_count = values;
  double work[ELANUS_INDEX_WORK];
  if (numbers.take<uint8_t>() % 2) plan.work = work, plan.work_count = ELANUS_INDEX_WORK;
  const uint64_t count = values / one.base->entries;
  if (count * plan.k > most_hits) plan.k = (uint32_t)(most_hits / (count + 1));
  Hits hits(count, plan.k);
  hits.lend(plan);
  elanus_error error = {};
  if (done(elanus_index_search_wait(&plan, &error), error)) common.check(hits, one.base->count);
}

void search_sparse(const Opened& one, Numbers& numbers) {
  elanus_sparse_search plan = {};
  Common common;
  common.fill(plan, numbers);
  if (numbers.take<uint8_t>() % 4) plan.postings = one.index;
  else plan.sparse = one.base->rows;
  plan.row_count = number(numbers);
  plan.algorithm = numbers.take<uint8_t>();
  plan.bound_ratio = numbers.take<float>();
  std::vector<uint32_t> offsets(1 + numbers.take<uint8_t>() % 6);
  for (uint32_t& offset : offsets) offset = 4u * numbers.take<uint8_t>();
  std::vector<uint8_t> bytes(8u * (numbers.take<uint8_t>() % 40));
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const uint32_t index = (uint32_t)(i / 8) + numbers.take<uint8_t>() % 3;
    const float value = numbers.take<float>();
    std::memcpy(bytes.data() + i, &index, 4);
    std::memcpy(bytes.data() + i + 4, &value, 4);
  }
  plan.offsets = offsets.data(), plan.offset_count = offsets.size();
  plan.bytes = bytes.data(), plan.byte_count = bytes.size();
  const uint64_t count = offsets.size() - 1;
  if (count * plan.k > most_hits) plan.k = (uint32_t)(most_hits / (count + 1));
  Hits hits(count, plan.k);
  hits.lend(plan);
  elanus_error error = {};
  if (done(elanus_sparse_search_wait(&plan, &error), error)) common.check(hits, one.base->count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Numbers numbers(data, size);
  const Opened& one = opened()[numbers.take<uint8_t>() % opened().size()];
  if (one.base->sparse) search_sparse(one, numbers);
  else search_dense(one, numbers);
  return 0;
}
