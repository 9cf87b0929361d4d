#include "sparse.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include "failure.h"

namespace elanus {

namespace {

constexpr uint64_t pair_block_bytes = 1 << 20, posting_block_bytes = 1 << 18;
constexpr uint32_t least_postings = 4, most_postings = 1024;
constexpr uint64_t most_rows = ELANUS_NO_ROW;
constexpr uint32_t first_table_bits = 8;
constexpr int exponent_bias = 16;

// Chunk c starts at (2^c - 1) << first_bits.
SparsePlace place(uint64_t number, uint32_t first_bits) {
  const uint64_t unit = (number >> first_bits) + 1;
  const uint32_t chunk = 63 - (uint32_t)__builtin_clzll(unit);
  return {chunk, number - ((((uint64_t)1 << chunk) - 1) << first_bits)};
}

}  // namespace

void check_pairs(const uint8_t* bytes, uint64_t byte_count, uint64_t row) {
  if (byte_count % pair_bytes) fail(ELANUS_INVALID, "sparse row %llu has %llu bytes, which are no whole pairs", (unsigned long long)row, (unsigned long long)byte_count);
  int64_t before = -1;
  for (uint64_t at = 0; at < byte_count; at += pair_bytes) {
    SparsePair pair;
    std::memcpy(&pair, bytes + at, pair_bytes);
    if (pair.index == 0xffffffffu || (int64_t)pair.index <= before) fail(ELANUS_INVALID, "indices of sparse row %llu do not ascend below 2^32 - 1", (unsigned long long)row);
    if (!std::isfinite(pair.value)) fail(ELANUS_INVALID, "sparse row %llu has a value that is not finite", (unsigned long long)row);
    before = pair.index;
  }
}

uint8_t code_of(float size) {
  int exponent;
  const float fraction = std::frexp(size, &exponent);   // in [1/2, 1)
  int steps = (int)std::ceil((fraction * 2 - 1) * 8);
  int power = exponent - 1 + exponent_bias;
  if (steps == 8) {
    steps = 0;
    ++power;
  }
  if (power < 0) return 1;
  if (power > 31) return 255;
  return (uint8_t)std::clamp(power << 3 | steps, 1, 255);
}

float size_of(uint32_t code) { return std::ldexp(1 + (float)(code & 7) / 8, (int)(code >> 3) - exponent_bias); }

unsigned char* SparseBlocks::take(uint64_t bytes, uint64_t block_bytes, std::atomic<uint64_t>& memory) {
  if (bytes > left_) {
    const uint64_t size = std::max(bytes, block_bytes);
    blocks_.push_back(std::unique_ptr<unsigned char[]>(new unsigned char[size]));
    memory.fetch_add(size, std::memory_order_relaxed);
    if (size > block_bytes) return blocks_.back().get();   // a block of its own; what is left of the last one stays of use
    at_ = blocks_.back().get();
    left_ = size;
  }
  unsigned char* taken = at_;
  at_ += bytes;
  left_ -= bytes;
  return taken;
}

// ------------------------------------------------------------------------------------------------------------------- lists

SparseLists::SparseLists() {
  tables_.push_back(std::make_unique<Table>(first_table_bits));
  table_.store(tables_.back().get(), std::memory_order_release);
}

SparseLists::~SparseLists() {
  for (auto& chunk : terms_) delete[] chunk.load(std::memory_order_relaxed);
}

Term& SparseLists::term_at(uint32_t number) const {
  const SparsePlace p = place(number, term_bits);
  return terms_[p.chunk].load(std::memory_order_acquire)[p.at];
}

const Term* SparseLists::term(uint32_t index) const {
  const Table& table = *table_.load(std::memory_order_acquire);
  for (uint32_t at = table.home(index);; at = (at + 1) & table.mask) {
    const uint64_t slot = table.slots[at].load(std::memory_order_acquire);
    if (!slot) return nullptr;
    if (slot >> 32 == index) return &term_at((uint32_t)slot - 1);
  }
}

Term& SparseLists::writable_term(uint32_t index) {
  if ((uint64_t)(term_count_ + 1) * 2 > tables_.back()->slots.size()) grow_table();
  Table& table = *tables_.back();
  uint32_t at = table.home(index);
  for (;; at = (at + 1) & table.mask) {
    const uint64_t slot = table.slots[at].load(std::memory_order_relaxed);
    if (!slot) break;
    if (slot >> 32 == index) return term_at((uint32_t)slot - 1);
  }
  const SparsePlace p = place(term_count_, term_bits);
  if (!terms_[p.chunk].load(std::memory_order_relaxed)) {
    const uint64_t size = (uint64_t)1 << (term_bits + p.chunk);
    terms_[p.chunk].store(new Term[size], std::memory_order_release);
    memory_.fetch_add(size * sizeof(Term), std::memory_order_relaxed);
  }
  table.slots[at].store((uint64_t)index << 32 | (term_count_ + 1), std::memory_order_release);
  return term_at(term_count_++);
}

// Readers of the old table miss only terms that came after it, whose rows they do not count.
void SparseLists::grow_table() {
  const Table& old = *tables_.back();
  auto wider = std::make_unique<Table>(32 - old.shift + 1);
  for (const auto& entry : old.slots) {
    const uint64_t slot = entry.load(std::memory_order_relaxed);
    if (!slot) continue;
    uint32_t at = wider->home((uint32_t)(slot >> 32));
    while (wider->slots[at].load(std::memory_order_relaxed)) at = (at + 1) & wider->mask;
    wider->slots[at].store(slot, std::memory_order_relaxed);
  }
  memory_.fetch_add(wider->slots.size() * 8, std::memory_order_relaxed);
  tables_.push_back(std::move(wider));
  table_.store(tables_.back().get(), std::memory_order_release);
}

void SparseLists::add(uint32_t row, const SparsePair& pair) {
  const float value = pair.value, size = std::fabs(value);
  if (size == 0) return;
  Term& term = writable_term(pair.index);
  PostingBlock* block = term.last;
  uint32_t used = block ? block->count.load(std::memory_order_relaxed) : 0;
  if (!block || used == block->capacity || row - block->base >= 1u << 24) {
    const uint32_t capacity = block ? std::min(block->capacity * 2, most_postings) : least_postings;
    auto* memory = blocks_.take(sizeof(PostingBlock) + capacity * 4, posting_block_bytes, memory_);
    auto* fresh = new (memory) PostingBlock;
    fresh->capacity = capacity;
    fresh->base = row;
    if (block) block->next.store(fresh, std::memory_order_release);
    else term.first.store(fresh, std::memory_order_release);
    term.last = block = fresh;
    used = 0;
  }
  // What bounds the posting comes before the posting itself.
  if (size > term.top.load(std::memory_order_relaxed)) term.top.store(size, std::memory_order_relaxed);
  if (value < 0) term.negative.store(true, std::memory_order_relaxed);
  block->postings()[used] = (row - block->base) << 8 | code_of(size);
  block->count.store(used + 1, std::memory_order_release);
  term.count.fetch_add(1, std::memory_order_relaxed);
}

// -------------------------------------------------------------------------------------------------------------------- rows

uint64_t Sparse::memory_bytes() const {
  const auto lists = this->lists();
  return memory_.load(std::memory_order_relaxed) + (lists ? lists->memory_bytes() : 0);
}

const Sparse::Row& Sparse::row(uint64_t number) const {
  const SparsePlace p = place(number, row_bits);
  return rows_[p.chunk][p.at];
}

std::shared_ptr<const SparseLists> Sparse::lists() const {
  std::lock_guard<std::mutex> hold(lists_lock_);
  return lists_;
}

void Sparse::drop_lists() {
  std::shared_ptr<SparseLists> last;   // freed after the locks are given up
  std::lock_guard<std::mutex> alone(writer_);
  std::lock_guard<std::mutex> hold(lists_lock_);
  last.swap(lists_);
}

uint64_t Sparse::append(const uint32_t* offsets, uint64_t row_count, const uint8_t* bytes) {
  std::lock_guard<std::mutex> hold(writer_);
  const uint64_t before = count_.load(std::memory_order_relaxed);
  if (row_count > most_rows - before) fail(ELANUS_MEMORY, "more than %llu rows", (unsigned long long)most_rows);
  for (uint64_t i = 0; i < row_count; ++i) {
    const uint64_t number = before + i, length = offsets[i + 1] - offsets[i];
    const SparsePlace p = place(number, row_bits);
    if (!rows_[p.chunk]) {
      const uint64_t size = (uint64_t)1 << (row_bits + p.chunk);
      rows_[p.chunk] = std::unique_ptr<Row[]>(new Row[size]);
      memory_.fetch_add(size * sizeof(Row), std::memory_order_relaxed);
    }
    auto* pairs = length ? (SparsePair*)pair_blocks_.take(length, pair_block_bytes, memory_) : nullptr;
    if (length) std::memcpy(pairs, bytes + offsets[i], length);
    const uint32_t pair_count = (uint32_t)(length / pair_bytes);
    rows_[p.chunk][p.at] = {pairs, pair_count};
    if (lists_)
      for (uint32_t j = 0; j < pair_count; ++j) lists_->add((uint32_t)number, pairs[j]);
    pairs_.fetch_add(pair_count, std::memory_order_relaxed);
    // Row by row, so that a failure for want of memory leaves whole rows.
    count_.store(number + 1, std::memory_order_release);
  }
  return before + row_count;
}

}  // namespace elanus
