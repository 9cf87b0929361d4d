#include "postings_build.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>
#include "handles.h"
#include "postings_file.h"

namespace elanus {

namespace {

constexpr uint64_t rows_a_round = 1 << 14, postings_a_round = 1 << 20;
constexpr uint64_t most_bytes = (uint64_t)1 << 48;

// Numbers for indices, in the order in which they come.
class Numbers {
 public:
  Numbers() : slots_(1 << 10) {}
  uint32_t of(uint32_t index) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    uint64_t& slot = find(index);
    if (!slot) slot = (uint64_t)index << 32 | ++count_;
    return (uint32_t)slot - 1;
  }
  uint32_t count() const { return count_; }

 private:
  uint64_t& find(uint32_t index) {
    const size_t mask = slots_.size() - 1;
    size_t at = (size_t)(index * 0x9e3779b97f4a7c15ull >> 32) & mask;
    while (slots_[at] && slots_[at] >> 32 != index) at = (at + 1) & mask;
    return slots_[at];
  }
  void grow() {
    std::vector<uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    for (const uint64_t slot : old)
      if (slot) find((uint32_t)(slot >> 32)) = slot;
  }
  std::vector<uint64_t> slots_;   // 0, or index << 32 | number + 1
  uint32_t count_ = 0;
};

struct Gathered {
  uint32_t index = 0;
  uint32_t count = 0;
  float top = 0;
  bool negative = false;
  uint64_t next = 0;   // where its next posting goes
};

class PostingsBuild final : public Job {
 public:
  PostingsBuild(const elanus_postings_build& plan, const char* path, std::shared_ptr<Sparse> sparse, elanus_done done, void* context)
      : Job(done, context), path_(path), sparse_(std::move(sparse)), count_(plan.row_count) {
    set_pieces(1);
  }

 protected:
  void work(uint64_t) override {
    switch (phase_) {
      case Phase::count: more_ = count_rows(); break;
      case Phase::place: more_ = place_rows(); break;
      case Phase::pack: more_ = pack_terms(); break;
      case Phase::write: more_ = writer_->write_some(); break;
    }
  }
  Round settle(uint64_t* pieces) override {
    if (stopped()) return Round::interrupted;
    *pieces = 1;
    if (more_) return Round::again;
    if (phase_ == Phase::write) return Round::complete;
    phase_ = (Phase)((uint32_t)phase_ + 1);
    set_progress((double)phase_ / 4);
    if (phase_ == Phase::place) begin_places();
    if (phase_ == Phase::write) begin_writing();
    return Round::again;
  }
  void let_go() override {
    writer_.reset();
    rows_ = {};
    codes_ = {};
    bytes_ = {};
    sparse_.reset();
  }

 private:
  enum class Phase : uint32_t { count, place, pack, write };

  template <class Use> bool each_pair(Use use) {
    const uint64_t end = std::min(row_ + rows_a_round, count_);
    for (; row_ < end && !stopped(); ++row_) {
      const Sparse::Row& row = sparse_->row(row_);
      for (uint32_t i = 0; i < row.count; ++i)
        if (row.pairs[i].value != 0) use(row.pairs[i]);
    }
    if (row_ < count_) return true;
    row_ = 0;
    return false;
  }
  bool count_rows() {
    return each_pair([&](const SparsePair& pair) {
      const uint32_t number = numbers_.of(pair.index);
      if (number == terms_.size()) terms_.push_back({pair.index});
      Gathered& term = terms_[number];
      ++term.count;
      term.top = std::max(term.top, std::fabs(pair.value));
      term.negative |= pair.value < 0;
    });
  }
  void begin_places() {
    order_.resize(terms_.size());
    for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return terms_[a].index < terms_[b].index; });
    uint64_t at = 0;
    for (const uint32_t number : order_) {
      terms_[number].next = at;
      at += terms_[number].count;
    }
    shape_.postings = at;
    rows_ = Buffer<uint32_t>(at, Owner::build);
    codes_ = Buffer<uint8_t>(at, Owner::build);
  }
  bool place_rows() {
    return each_pair([&](const SparsePair& pair) {
      uint64_t& next = terms_[numbers_.of(pair.index)].next;
      rows_[next] = (uint32_t)row_;
      codes_[next++] = code_of(std::fabs(pair.value));
    });
  }
  bool pack_terms();
  void pack_block(const uint32_t* rows, const uint8_t* codes, uint32_t count, uint32_t before);
  void begin_writing();

  const std::string path_;
  std::shared_ptr<Sparse> sparse_;
  const uint64_t count_;
  Phase phase_ = Phase::count;
  bool more_ = true;
  uint64_t row_ = 0, packed_ = 0;
  uint32_t term_ = 0;   // of `order_`
  Numbers numbers_;
  std::vector<Gathered> terms_;
  std::vector<uint32_t> order_;
  Buffer<uint32_t> rows_;
  Buffer<uint8_t> codes_;
  PostingsShape shape_ = {};
  std::vector<TermRecord> records_;
  std::vector<BlockRecord> blocks_;
  std::vector<uint8_t> bytes_;
  std::unique_ptr<SectionWriter> writer_;
};

bool PostingsBuild::pack_terms() {
  for (const uint64_t end = packed_ + postings_a_round; term_ < order_.size() && packed_ < end && !stopped(); ++term_) {
    const Gathered& term = terms_[order_[term_]];
    records_.push_back({term.index, (uint32_t)blocks_.size(), term.count, term.negative ? -term.top : term.top});
    uint32_t before = ~0u;
    for (uint32_t done = 0; done < term.count; done += block_postings) {
      const uint32_t some = std::min(block_postings, term.count - done);
      pack_block(rows_.data() + packed_ + done, codes_.data() + packed_ + done, some, before);
      before = blocks_.back().last;
    }
    packed_ += term.count;
  }
  return term_ < order_.size();
}

void PostingsBuild::pack_block(const uint32_t* rows, const uint8_t* codes, uint32_t count, uint32_t before) {
  uint32_t differences[block_postings], all = 0;
  uint8_t most = 0;
  for (uint32_t i = 0; i < count; ++i) {
    all |= differences[i] = rows[i] - before - 1;
    before = rows[i];
    most = std::max(most, codes[i]);
  }
  const uint32_t width = all ? 32 - (uint32_t)__builtin_clz(all) : 0, bits = width > most_packed_bits ? 32 : width;
  const uint64_t at = bytes_.size();
  if (at >= most_bytes) fail(ELANUS_INVALID, "the lists are larger than a file of them can be");
  if (blocks_.size() == 0xffffffffu) fail(ELANUS_INVALID, "the lists have more blocks than a file of them can have");
  blocks_.push_back({before, (uint32_t)at, (uint16_t)(at >> 32), most, (uint8_t)bits});
  bytes_.resize(at + bytes_of_differences(bits, count) + count);
  uint8_t* to = bytes_.data() + at;
  for (uint32_t i = 0; i < count; ++i)
    for (uint32_t done = 0; done < bits;) {   // the bits of a value, byte by byte
      const uint64_t place = (uint64_t)i * bits + done;
      to[place >> 3] |= (uint8_t)((differences[i] >> done) << (place & 7));
      done += 8 - (uint32_t)(place & 7);
    }
  std::memcpy(to + bytes_of_differences(bits, count), codes, count);
}

void PostingsBuild::begin_writing() {
  rows_ = {};
  codes_ = {};
  shape_.rows = count_;
  shape_.terms = (uint32_t)records_.size();
  shape_.blocks = (uint32_t)blocks_.size();
  shape_.rows_check = check_of_sparse(*sparse_, count_);
  writer_ = std::make_unique<SectionWriter>(path_, postings_file_names, &shape_, (uint32_t)sizeof shape_,
                                            std::vector<SectionSource>{{records_.data(), records_.size() * sizeof(TermRecord)},
                                                                       {blocks_.data(), blocks_.size() * sizeof(BlockRecord)},
                                                                       {bytes_.data(), bytes_.size()}});
}

}  // namespace

std::shared_ptr<Job> make_postings_build(const elanus_postings_build& plan, const char* path, elanus_done done, void* context) {
  auto sparse = find_sparse(plan.sparse);
  if (plan.row_count > sparse->count())
    fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)plan.row_count, (unsigned long long)sparse->count());
  return std::make_shared<PostingsBuild>(plan, path, std::move(sparse), done, context);
}

}  // namespace elanus
