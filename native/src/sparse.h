// Sparse rows: the rows themselves, and for every index the list of the rows that have it.
//
//   rows       Row { address, pairs } in chunks of doubling size; the pairs lie in blocks that never move
//   terms      open addressing from index to term number; a table that is outgrown stays readable until the end
//   postings   a chain of blocks a term, 4 to 1,024 postings: (row - first row of the block) << 8 | code
//   code       bounds the size of the value from above: 5 bits of exponent, 3 of fraction; 0 never, 255 the largest of the term
//
// So a posting takes four bytes, and the index holds no exact value: a row that may be among the best is scored from its own pairs. The lists
// may be left out, or dropped, where packed lists (postings.h) stand in a file; without either, every row is scored.
//
// Always true:
//  - nothing that was published moves or changes; a reader who has seen `count` may read everything of the rows below it;
//  - postings of a term ascend by row, so a reader stops at the first row that it does not count;
//  - there is one writer at a time (a lock makes sure), any number of readers beside it.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace elanus {

struct SparsePair {
  uint32_t index;
  float value;
};
constexpr uint64_t pair_bytes = sizeof(SparsePair);

// Throws Failure unless the bytes are pairs in order, with finite values.
void check_pairs(const uint8_t* bytes, uint64_t byte_count, uint64_t row);

struct PostingBlock {
  std::atomic<PostingBlock*> next = nullptr;
  std::atomic<uint32_t> count = 0;
  uint32_t capacity = 0;
  uint32_t base = 0;   // the first row
  uint32_t* postings() { return (uint32_t*)(this + 1); }
  const uint32_t* postings() const { return (const uint32_t*)(this + 1); }
};

struct Term {
  std::atomic<PostingBlock*> first = nullptr;
  std::atomic<uint64_t> count = 0;   // postings
  std::atomic<float> top = 0;        // the largest size of a value
  std::atomic<bool> negative = false;
  PostingBlock* last = nullptr;      // the writer's
};

// The smallest code whose size is not below `size`, which is above 0; 255 where there is none.
uint8_t code_of(float size);
// What a code stands for; not for 255.
float size_of(uint32_t code);

// Memory that is given out bit by bit and freed at once.
class SparseBlocks {
 public:
  unsigned char* take(uint64_t bytes, uint64_t block_bytes, std::atomic<uint64_t>& memory);

 private:
  std::vector<std::unique_ptr<unsigned char[]>> blocks_;
  unsigned char* at_ = nullptr;
  uint64_t left_ = 0;
};

struct SparsePlace { uint32_t chunk; uint64_t at; };
constexpr uint32_t most_sparse_chunks = 33;

class SparseLists {
 public:
  SparseLists();
  ~SparseLists();
  SparseLists(const SparseLists&) = delete;
  SparseLists& operator=(const SparseLists&) = delete;

  uint64_t memory_bytes() const { return memory_.load(std::memory_order_relaxed); }
  // Null where no row has the index.
  const Term* term(uint32_t index) const;
  void add(uint32_t row, const SparsePair& pair);   // one writer; rows ascend

 private:
  struct Table {
    explicit Table(uint32_t bits) : shift(32 - bits), mask((1u << bits) - 1), slots(1ull << bits) {}
    const uint32_t shift, mask;
    std::vector<std::atomic<uint64_t>> slots;   // 0, or index << 32 | term number + 1
    uint32_t home(uint32_t index) const { return index * 2654435769u >> shift; }
  };

  Term& term_at(uint32_t number) const;
  Term& writable_term(uint32_t index);
  void grow_table();

  static constexpr uint32_t term_bits = 8;
  std::atomic<uint64_t> memory_ = 0;
  std::array<std::atomic<Term*>, most_sparse_chunks> terms_ = {};
  SparseBlocks blocks_;
  std::atomic<Table*> table_;
  std::vector<std::unique_ptr<Table>> tables_;
  uint32_t term_count_ = 0;
};

class Sparse {
 public:
  explicit Sparse(bool with_lists) : lists_(with_lists ? std::make_shared<SparseLists>() : nullptr) {}
  Sparse(const Sparse&) = delete;
  Sparse& operator=(const Sparse&) = delete;

  uint64_t count() const { return count_.load(std::memory_order_acquire); }
  uint64_t pair_count() const { return pairs_.load(std::memory_order_relaxed); }
  uint64_t memory_bytes() const;

  // Row i is bytes [offsets[i], offsets[i + 1]); checked already. Returns the new count.
  uint64_t append(const uint32_t* offsets, uint64_t row_count, const uint8_t* bytes);

  struct Row {
    const SparsePair* pairs;
    uint32_t count;
  };
  const Row& row(uint64_t number) const;
  // Of all rows that are counted, and perhaps of more; null: there are none.
  std::shared_ptr<const SparseLists> lists() const;
  void drop_lists();   // for good; who has them keeps them

 private:
  static constexpr uint32_t row_bits = 10;
  std::mutex writer_;
  mutable std::mutex lists_lock_;
  std::shared_ptr<SparseLists> lists_;
  std::atomic<uint64_t> count_ = 0, pairs_ = 0, memory_ = 0;
  std::array<std::unique_ptr<Row[]>, most_sparse_chunks> rows_;
  SparseBlocks pair_blocks_;
};

}  // namespace elanus
