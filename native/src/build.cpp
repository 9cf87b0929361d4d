#include "build.h"
#include <algorithm>
#include <cmath>
#include "handles.h"
#include "index_file.h"

namespace elanus {

namespace {

constexpr uint64_t piece_values = 1 << 18;       // of rows that are encoded: a few milliseconds
constexpr uint64_t most_of_sample = 20000;       // rows that the grid is learned from
constexpr uint64_t sample_values = 1 << 24;
constexpr uint64_t least_of_sample = 1000;
constexpr uint64_t sample_pieces = 32;
constexpr uint32_t link_rows = 4, merge_targets = 32, trim_rows = 256;

// 0 of none; the upper one of an even number.
double median(std::vector<double>& values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

uint64_t pieces_of(uint64_t count, uint64_t each) { return std::max<uint64_t>(1, (count + each - 1) / each); }

class Build final : public Job {
 public:
  Build(const elanus_index_build& plan, const char* path, std::shared_ptr<Rows> rows, elanus_done done, void* context)
      : Job(done, context), path_(path), rows_(std::move(rows)), count_((uint32_t)plan.row_count), degree_(plan.degree), beam_(plan.beam),
        seed_(plan.seed), dimension_(rows_->dimension()), dims_(Grid::dims_of((Metric)plan.metric, dimension_)),
        piece_rows_(std::clamp<uint64_t>(piece_values / dims_, 1, 4096)), sample_(sample_size()),
        grid_({(Metric)plan.metric, dimension_, 1, 0, 1, plan.seed}, std::vector<float>(dims_)), lender_(Owner::build) {
    set_pieces(begin(plan.metric == ELANUS_IP ? Phase::lengths : Phase::mean));
  }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  void let_go() override {
    writer_.reset();
    graph_.reset();
    lender_.clear();
    rows_.reset();
    sums_ = {};
  }

 private:
  enum class Phase { lengths, mean, spread, encode, link, merge, trim, write };
  struct Sums {
    double total = 0, most = 0;
    uint64_t rows = 0;
    std::vector<double> of;
  };

  uint64_t sample_size() const { return std::min<uint64_t>(count_, std::clamp(sample_values / dims_, least_of_sample, most_of_sample)); }
  uint64_t begin(Phase phase);
  Phase next_phase();
  bool encoded();   // false if it was stopped
  template <class Use> void use_row(uint64_t row, Scratch& s, Use use);
  template <class Use> void each_row(uint64_t piece, Scratch& s, Use use);
  template <class Use> void each_of_sample(uint64_t piece, Scratch& s, Use use);
  void sum_lengths(uint64_t piece, Scratch& s);
  void sum_rows(uint64_t piece, Scratch& s);
  void spread_rows(uint64_t piece, Scratch& s);
  void encode_rows(uint64_t piece, Scratch& s);
  void add_lengths();
  void add_means();
  void add_spread();

  const std::string path_;
  std::shared_ptr<Rows> rows_;
  const uint32_t count_, degree_, beam_;
  const uint64_t seed_;
  const uint32_t dimension_, dims_;
  const uint64_t piece_rows_, sample_;
  Phase phase_ = Phase::mean;
  Grid grid_;
  Lender lender_;
  std::vector<Sums> sums_;   // one a piece
  std::unique_ptr<Graph> graph_;
  uint32_t zero_row_ = no_row, batch_ = 0;
  std::unique_ptr<IndexWriter> writer_;
  bool writing_ = true;
};

uint64_t Build::begin(Phase phase) {
  phase_ = phase;
  switch (phase) {
    case Phase::lengths: sums_.assign(pieces_of(count_, piece_rows_), {}); return sums_.size();
    case Phase::mean:
    case Phase::spread: sums_.assign(sample_pieces, {}); return sums_.size();
    case Phase::encode:
      sums_ = {};
      graph_ = std::make_unique<Graph>(count_, dims_, degree_, beam_);
      return pieces_of(count_, piece_rows_);
    case Phase::link: batch_ = graph_->next_batch(); return pieces_of(batch_, link_rows);
    case Phase::merge:
      graph_->gather_edges(graph_->order.data() + graph_->inserted, batch_);
      return pieces_of(graph_->targets.size() - 1, merge_targets);
    case Phase::trim: return pieces_of(graph_->order.size(), trim_rows);
    case Phase::write: return 1;
  }
  return 1;
}

void Build::work(uint64_t piece) {
  Borrowed borrowed(lender_);
  Scratch& s = *borrowed;
  switch (phase_) {
    case Phase::lengths: return sum_lengths(piece, s);
    case Phase::mean: return sum_rows(piece, s);
    case Phase::spread: return spread_rows(piece, s);
    case Phase::encode: return encode_rows(piece, s);
    case Phase::link: {
      const uint32_t* batch = graph_->order.data() + graph_->inserted;
      for (uint64_t i = piece * link_rows; i < std::min<uint64_t>((piece + 1) * link_rows, batch_) && !stopped(); ++i) graph_->link(batch[i], s);
      return;
    }
    case Phase::merge: {
      const uint64_t targets = graph_->targets.size() - 1;
      for (uint64_t i = piece * merge_targets; i < std::min((piece + 1) * merge_targets, targets) && !stopped(); ++i) graph_->merge((uint32_t)i, s);
      return;
    }
    case Phase::trim: {
      const uint64_t rows = graph_->order.size();
      for (uint64_t i = piece * trim_rows; i < std::min((piece + 1) * trim_rows, rows) && !stopped(); ++i) graph_->trim(graph_->order[i], s);
      return;
    }
    case Phase::write: writing_ = writer_->write_some(); return;
  }
}

// Alone: all pieces of the round have run.
Job::Round Build::settle(uint64_t* pieces) {
  switch (phase_) {
    case Phase::lengths: add_lengths(); break;
    case Phase::mean: add_means(); break;
    case Phase::spread: add_spread(); break;
    case Phase::encode:
      if (!encoded()) return Round::interrupted;
      break;
    case Phase::merge:
      graph_->batch_done(batch_);
      set_progress(0.05 + 0.9 * graph_->inserted / graph_->order.size());
      break;
    case Phase::trim: {
      Borrowed borrowed(lender_);
      if (!graph_->connect(*borrowed, [this] { return stopped(); })) return Round::interrupted;
      writer_ = std::make_unique<IndexWriter>(path_, *graph_, grid_, zero_row_, check_of_rows(*rows_, count_));
      break;
    }
    case Phase::link: break;
    case Phase::write:
      set_progress(writing_ ? 0.95 + 0.05 * writer_->share() : 1);
      if (!writing_) return Round::complete;
  }
  *pieces = begin(next_phase());
  return Round::again;
}

Build::Phase Build::next_phase() {
  switch (phase_) {
    case Phase::lengths: return Phase::mean;
    case Phase::mean: return Phase::spread;
    case Phase::spread: return Phase::encode;
    case Phase::link: return Phase::merge;
    case Phase::encode:
    case Phase::merge: return graph_->inserted < graph_->order.size() ? Phase::link : Phase::trim;
    default: return Phase::write;
  }
}

// `use` gets the row's number and an aligned copy of it.
template <class Use> void Build::use_row(uint64_t row, Scratch& s, Use use) {
  s.work.resize((size_t)dimension_ + dims_);
  uint64_t run;
  table().widen(rows_->element(), rows_->at(row, &run), dimension_, s.work.data());
  use((uint32_t)row, s.work.data());
}

template <class Use> void Build::each_row(uint64_t piece, Scratch& s, Use use) {
  const uint64_t last = std::min<uint64_t>((piece + 1) * piece_rows_, count_);
  for (uint64_t row = piece * piece_rows_; row < last && !stopped(); ++row) use_row(row, s, use);
}

// The sample is spread evenly over all rows, and each piece of it over the whole sample.
template <class Use> void Build::each_of_sample(uint64_t piece, Scratch& s, Use use) {
  for (uint64_t i = piece; i < sample_ && !stopped(); i += sample_pieces) use_row(i * count_ / sample_, s, use);
}

void Build::sum_lengths(uint64_t piece, Scratch& s) {
  Sums& sums = sums_[piece];
  each_row(piece, s, [&](uint32_t, const float* row) {
    const double length = Grid::length_of(row, dimension_);
    sums.total += length;
    sums.most = std::max(sums.most, length);
  });
}

void Build::add_lengths() {
  double total = 0, most = 0;
  for (const Sums& sums : sums_) {
    total += sums.total;
    most = std::max(most, sums.most);
  }
  grid_.set_lengths(std::min((float)most, std::numeric_limits<float>::max()), count_ ? (float)(total / count_) : 1);
}

void Build::sum_rows(uint64_t piece, Scratch& s) {
  Sums& sums = sums_[piece];
  sums.of.assign(dims_, 0);
  each_of_sample(piece, s, [&](uint32_t, const float* row) {
    float* work = s.work.data() + dimension_;
    if (!grid_.centred(row, work)) return;
    for (uint32_t j = 0; j < dims_; ++j) sums.of[j] += work[j];
    ++sums.rows;
  });
}

// The median of the pieces' means, in each dimension: a few rows that lie far away must not make the grid useless for all others.
void Build::add_means() {
  std::vector<float> mean(dims_);
  std::vector<double> means;
  for (uint32_t j = 0; j < dims_; ++j) {
    means.clear();
    for (const Sums& sums : sums_)
      if (sums.rows && std::isfinite(sums.of[j])) means.push_back(sums.of[j] / (double)sums.rows);
    mean[j] = (float)median(means);
  }
  grid_.set_mean(std::move(mean));
}

void Build::spread_rows(uint64_t piece, Scratch& s) {
  Sums& sums = sums_[piece];
  each_of_sample(piece, s, [&](uint32_t, const float* row) {
    float* work = s.work.data() + dimension_;
    if (!grid_.rotated(row, work)) return;
    for (uint32_t j = 0; j < dims_; ++j) {
      sums.total += (double)work[j] * work[j];
      sums.most = std::max(sums.most, (double)std::fabs(work[j]));
    }
    ++sums.rows;
  });
}

void Build::add_spread() {
  double most = 0;
  std::vector<double> squares;
  for (const Sums& sums : sums_) {
    most = std::max(most, sums.most);
    if (sums.rows && std::isfinite(sums.total)) squares.push_back(sums.total / ((double)sums.rows * dims_));
  }
  const double typical = median(squares);
  if (typical > 0) grid_.set_step(typical, (float)most);
  else if (most > 0) grid_.set_step(most * most, (float)most);   // nearly all rows are equal
}

void Build::encode_rows(uint64_t piece, Scratch& s) {
  each_row(piece, s, [&](uint32_t row, const float* values) {
    if (table().first_not_finite(Element::float32, values, dimension_) < dimension_) fail(ELANUS_INVALID, "row %u holds a NaN or an infinity", row);
    const bool placed = grid_.encode(values, s.work.data() + dimension_, graph_->codes.data() + (size_t)row * dims_, &graph_->terms[row]);
    if (!placed) graph_->terms[row] = {norm_of_no_place, 0, 0};
    graph_->encoded(row, placed);
  });
}

bool Build::encoded() {
  for (uint32_t row = 0; row < count_ && zero_row_ == no_row; ++row)
    if (graph_->terms[row].norm == norm_of_no_place) zero_row_ = row;
  if (stopped()) return false;
  graph_->chain_twins(seed_);
  set_progress(0.05);
  return true;
}

}  // namespace

std::shared_ptr<Job> make_index_build(const elanus_index_build& plan, const char* path, elanus_done done, void* context) {
  auto rows = find_rows(plan.rows);
  if (rows->element() == Element::binary) fail(ELANUS_INVALID, "graphs are built from rows of numbers");
  if (plan.row_count > rows->count())
    fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)plan.row_count, (unsigned long long)rows->count());
  if (plan.row_count > ELANUS_MAX_INDEX_ROWS) fail(ELANUS_INVALID, "%llu rows are more than an index holds: %u", (unsigned long long)plan.row_count, ELANUS_MAX_INDEX_ROWS);
  if (plan.metric > ELANUS_COSINE) fail(ELANUS_INVALID, "metric %u is not known", plan.metric);
  if (plan.degree < ELANUS_MIN_DEGREE || plan.degree > ELANUS_MAX_DEGREE)
    fail(ELANUS_INVALID, "degree %u is not in %u..%u", plan.degree, ELANUS_MIN_DEGREE, ELANUS_MAX_DEGREE);
  if (plan.beam < 1 || plan.beam > ELANUS_MAX_BEAM) fail(ELANUS_INVALID, "beam %u is not in 1..%u", plan.beam, ELANUS_MAX_BEAM);
  if (!*path) fail(ELANUS_INVALID, "the path of the index file is empty");
  return std::make_shared<Build>(plan, path, std::move(rows), done, context);
}

}  // namespace elanus
