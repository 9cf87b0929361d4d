// Counts how many rows have each row for a neighbour, and copies those that most have, a few megabytes at a time.
#include "slim_keep.h"
#include <algorithm>
#include <cstring>

namespace elanus {

KeptRows::KeptRows(uint32_t row_count, uint64_t row_bytes, uint64_t bytes) : row_bytes(row_bytes) {
  const uint64_t beside = (uint64_t)row_count * sizeof(uint32_t);
  if (bytes <= beside) return;
  count = (uint32_t)std::min<uint64_t>(row_count, (bytes - beside) / row_bytes);
  if (!count) return;
  places = Buffer<uint32_t>(row_count, Owner::index);
  values = Buffer<unsigned char>(count * row_bytes, Owner::index);
}

namespace {

constexpr uint64_t step_bytes = 4 << 20;

class SlimKeep final : public Job {
 public:
  SlimKeep(std::shared_ptr<const SlimIndex> index, uint64_t bytes, elanus_done done, void* context) : Job(done, context), index_(std::move(index)), bytes_(bytes) { set_pieces(1); }

 protected:
  void work(uint64_t) override {
    if (!kept_) choose();
    else copy_some();
  }
  Round settle(uint64_t* pieces) override {
    if (stopped()) return Round::interrupted;
    *pieces = 1;
    if (copied_ < kept_->count) return Round::again;
    index_->keep(kept_->count ? std::move(kept_) : nullptr);
    return Round::complete;
  }
  void let_go() override {
    kept_.reset();
    chosen_ = {};
    index_.reset();
  }

 private:
  void choose();
  void copy_some();

  std::shared_ptr<const SlimIndex> index_;
  const uint64_t bytes_;
  std::shared_ptr<KeptRows> kept_;
  std::vector<uint32_t> chosen_;
  uint32_t copied_ = 0;
};

void SlimKeep::choose() {
  const uint32_t rows = (uint32_t)index_->shape.rows;
  kept_ = std::make_shared<KeptRows>(rows, index_->rows->row_bytes(), index_->rows->is_mapped() ? bytes_ : 0);
  if (!kept_->count) return;
  std::vector<uint32_t> pointed(rows);
  const Buffer<uint32_t>& lists = index_->lists;
  for (size_t i = 0; i < lists.size(); ++i)
    if (lists[i] != no_row) ++pointed[lists[i]];
  for (uint32_t i = 0; i < index_->shape.entry_count; ++i) pointed[index_->shape.entries[i]] = ~0u;
  chosen_.resize(rows);
  for (uint32_t row = 0; row < rows; ++row) chosen_[row] = row;
  const auto first = [&](uint32_t a, uint32_t b) { return pointed[a] != pointed[b] ? pointed[a] > pointed[b] : a < b; };
  std::nth_element(chosen_.begin(), chosen_.begin() + (kept_->count - 1), chosen_.end(), first);
  chosen_.resize(kept_->count);
  std::sort(chosen_.begin(), chosen_.end());   // as they lie in the file
  std::fill_n(kept_->places.data(), rows, no_row);
  for (uint32_t place = 0; place < kept_->count; ++place) kept_->places[chosen_[place]] = place;
}

void SlimKeep::copy_some() {
  const uint64_t row_bytes = kept_->row_bytes;
  const uint32_t last = (uint32_t)std::min<uint64_t>(kept_->count, copied_ + std::max<uint64_t>(1, step_bytes / row_bytes));
  uint64_t run;
  for (; copied_ < last; ++copied_) std::memcpy(kept_->values.data() + copied_ * row_bytes, index_->rows->at(chosen_[copied_], &run), row_bytes);
}

}  // namespace

std::shared_ptr<Job> make_slim_keep(std::shared_ptr<const SlimIndex> index, uint64_t bytes, elanus_done done, void* context) {
  return std::make_shared<SlimKeep>(std::move(index), bytes, done, context);
}

}  // namespace elanus
