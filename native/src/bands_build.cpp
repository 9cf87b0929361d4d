#include "bands_build.h"
#include <algorithm>
#include <atomic>
#include "bands_file.h"
#include "build_plan.h"
#include "handles.h"
#include "index_file.h"

namespace elanus {

namespace {

constexpr uint64_t hash_rows = 1024;

class BandsBuild final : public Job {
 public:
  BandsBuild(const elanus_bands_build& plan, const char* path, std::shared_ptr<Rows> rows, elanus_done done, void* context)
      : Job(done, context), path_(path), rows_(std::move(rows)) {
    shape_.metric = ELANUS_MHJACCARD;
    shape_.dimension = rows_->dimension();
    shape_.element = ELANUS_BINARY;
    shape_.hash_bits = plan.hash_bits;
    shape_.bands = plan.bands;
    shape_.rows = plan.row_count;
    shape_.seed = plan.seed;
    keys_ = Buffer<uint32_t>(shape_.rows * shape_.bands, Owner::build);
    numbers_ = Buffer<uint32_t>(shape_.rows * shape_.bands, Owner::build);
    set_pieces(pieces_of(shape_.rows, hash_rows));
  }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  bool is_made() const override { return !writing_; }
  void let_go() override {
    writer_.reset();
    keys_ = {};
    numbers_ = {};
    rows_.reset();
  }

 private:
  enum class Phase { hash, sort, write };

  void hash(uint64_t piece);
  void sort(uint32_t band);
  void begin_writing();

  const std::string path_;
  std::shared_ptr<Rows> rows_;
  BandsShape shape_ = {};
  Phase phase_ = Phase::hash;
  Buffer<uint32_t> keys_, numbers_;
  std::atomic<uint32_t> sorted_ = 0;
  std::unique_ptr<SectionWriter> writer_;
  bool writing_ = true;
};

void BandsBuild::work(uint64_t piece) {
  switch (phase_) {
    case Phase::hash: return hash(piece);
    case Phase::sort: return sort((uint32_t)piece);
    case Phase::write: writing_ = writer_->write_some();
  }
}

void BandsBuild::hash(uint64_t piece) {
  const uint32_t bytes = shape_.band_bytes();
  uint64_t run;
  for (uint64_t row = piece * hash_rows; row < std::min((piece + 1) * hash_rows, shape_.rows) && !stopped(); ++row) {
    const unsigned char* at = rows_->at(row, &run);
    for (uint32_t band = 0; band < shape_.bands; ++band) keys_[band * shape_.rows + row] = key_of_band(at + (size_t)band * bytes, bytes, shape_.seed);
  }
}

void BandsBuild::sort(uint32_t band) {
  if (stopped()) return;
  Buffer<uint64_t> pairs(shape_.rows, Owner::build);
  uint32_t *keys = keys_.data() + band * shape_.rows, *numbers = numbers_.data() + band * shape_.rows;
  for (uint64_t i = 0; i < shape_.rows; ++i) pairs[i] = (uint64_t)keys[i] << 32 | i;
  std::sort(pairs.data(), pairs.data() + shape_.rows);
  for (uint64_t i = 0; i < shape_.rows; ++i) {
    keys[i] = (uint32_t)(pairs[i] >> 32);
    numbers[i] = (uint32_t)pairs[i];
  }
  set_progress(0.1 + 0.8 * ++sorted_ / shape_.bands);
}

// Alone: all pieces of the round have run.
Job::Round BandsBuild::settle(uint64_t* pieces) {
  if (stopped() && !is_made()) return Round::interrupted;
  *pieces = 1;
  switch (phase_) {
    case Phase::hash:
      phase_ = Phase::sort;
      set_progress(0.1);
      *pieces = shape_.bands;
      return Round::again;
    case Phase::sort:
      begin_writing();
      return Round::again;
    case Phase::write: break;
  }
  set_progress(writing_ ? 0.9 + 0.1 * writer_->share() : 1);
  return writing_ ? Round::again : Round::complete;
}

void BandsBuild::begin_writing() {
  phase_ = Phase::write;
  shape_.rows_check = check_of_rows(*rows_, shape_.rows);
  const uint64_t bytes = bands_section_bytes(shape_);
  std::vector<SectionSource> sources = {{keys_.data(), bytes}, {numbers_.data(), bytes}};
  writer_ = std::make_unique<SectionWriter>(path_, bands_file_names, &shape_, sizeof shape_, std::move(sources));
}

}  // namespace

std::shared_ptr<Job> make_bands_build(const elanus_bands_build& plan, const char* path, elanus_done done, void* context) {
  auto rows = rows_to_build(plan.rows, plan.row_count, path);
  if (rows->element() != Element::binary) fail(ELANUS_INVALID, "bands are built from binary rows");
  if (plan.hash_bits != 8 && plan.hash_bits != 16 && plan.hash_bits != 32 && plan.hash_bits != 64) fail(ELANUS_INVALID, "a hash of %u bits is none of 8, 16, 32 and 64", plan.hash_bits);
  if (rows->dimension() % plan.hash_bits) fail(ELANUS_INVALID, "dimension %u is no multiple of a hash of %u bits", rows->dimension(), plan.hash_bits);
  const uint32_t hashes = rows->dimension() / plan.hash_bits;
  if (plan.bands < 1 || plan.bands > hashes) fail(ELANUS_INVALID, "%u bands are not in 1..%u", plan.bands, hashes);
  return std::make_shared<BandsBuild>(plan, path, std::move(rows), done, context);
}

}  // namespace elanus
