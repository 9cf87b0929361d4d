#include "slim_build.h"
#include <algorithm>
#include "build_plan.h"
#include "graph.h"
#include "handles.h"
#include "index_file.h"
#include "placing.h"
#include "slim_encode.h"
#include "slim_file.h"

namespace elanus {

namespace {

constexpr uint32_t link_rows = 8, merge_targets = 32, trim_rows = 256, encode_rows = 64;
constexpr uint64_t rows_of_word = 64, most_training_values = 1 << 24;   // of the rows that a book comes from

class SlimBuild final : public Job {
 public:
  SlimBuild(const elanus_slim_build& plan, const char* path, std::shared_ptr<Rows> rows, elanus_done done, void* context)
      : Job(done, context), path_(path), rows_(std::move(rows)), count_((uint32_t)plan.row_count), lender_(Owner::build),
        placing_(rows_, count_, (Metric)plan.metric, plan.seed, [this] { return make_graph(); }, [this] { return stopped(); }) {
    shape_.metric = plan.metric;
    shape_.dimension = rows_->dimension();
    shape_.element = (uint32_t)rows_->element();
    shape_.degree = plan.degree;
    shape_.beam = plan.beam;
    shape_.codes = (SlimCodes)plan.codes;
    shape_.subspaces = shape_.codes == SlimCodes::book || shape_.codes == SlimCodes::stages ? plan.subspaces : 0;
    shape_.bits = shape_.of_halves() ? 0 : plan.bits;
    shape_.stages = shape_.codes == SlimCodes::stages ? plan.stages : 0;
    shape_.rows = count_;
    shape_.seed = plan.seed;
    shape_.zero_row = no_row;
    set_pieces(placing_.begin());
  }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  bool is_made() const override { return !writing_; }
  void let_go() override {
    writer_.reset();
    training_.reset();
    encoder_.reset();
    graph_.reset();
    codes_ = {};
    terms_ = {};
    words_ = {};
    lender_.clear();
    rows_.reset();
    placing_.let_go();
  }

 private:
  enum class Phase { place, link, merge, trim, train, encode, write };

  Placing::Target make_graph();
  uint64_t begin(Phase phase);
  bool encoded();   // false if it was stopped
  uint64_t begin_training();
  uint64_t begin_writing();
  uint64_t begin_encoding();
  Buffer<float> training_values(uint32_t* rows) const;

  const std::string path_;
  std::shared_ptr<Rows> rows_;
  const uint32_t count_;
  SlimShape shape_ = {};
  Phase phase_ = Phase::place;
  Lender lender_;
  Placing placing_;
  std::unique_ptr<Graph> graph_;
  uint32_t batch_ = 0;
  std::unique_ptr<BookTraining> training_;
  std::vector<Codebook> books_;
  std::unique_ptr<SlimEncoder> encoder_;
  Buffer<uint8_t> codes_;
  Buffer<float> terms_, words_;
  std::vector<uint32_t> lists_;
  std::unique_ptr<SectionWriter> writer_;
  bool writing_ = true;
};

Placing::Target SlimBuild::make_graph() {
  graph_ = std::make_unique<Graph>(count_, placing_.grid().dims(), shape_.degree, shape_.beam);
  encoder_ = std::make_unique<SlimEncoder>(shape_, *graph_, *rows_);
  // Codes that stand for the row alone are as fine as its values allow: half of the error, and no estimate counts on the usual step.
  const float least = shape_.codes == SlimCodes::scalar && shape_.bits == 8 ? finest_step : usual_step;
  return {graph_->codes.data(), graph_->terms.data(), [this](uint32_t row, bool placed) { graph_->encoded(row, placed); }, least};
}

void SlimBuild::work(uint64_t piece) {
  Borrowed borrowed(lender_);
  Scratch& s = *borrowed;
  const auto each = [&](uint64_t size, uint64_t count, auto use) {
    for (uint64_t i = piece * size; i < std::min((piece + 1) * size, count) && !stopped(); ++i) use((uint32_t)i);
  };
  switch (phase_) {
    case Phase::place: return placing_.work(piece, s);
    case Phase::link: {
      const uint32_t first = (uint32_t)piece * link_rows;
      return graph_->link(graph_->batch.data() + first, std::min(link_rows, batch_ - first), lender_);
    }
    case Phase::merge: return each(merge_targets, graph_->targets.size() - 1, [&](uint32_t i) { graph_->merge(i, s); });
    case Phase::trim: return each(trim_rows, graph_->order.size(), [&](uint32_t i) { graph_->trim(graph_->order[i], s); });
    case Phase::train: return training_->work(piece, s);
    case Phase::encode:
      return each(encode_rows, count_, [&](uint32_t row) { encoder_->encode(row, codes_.data() + row * shape_.code_bytes(), terms_.data() + (size_t)row * shape_.term_floats(), s); });
    case Phase::write: writing_ = writer_->write_some(); return;
  }
}

// Alone: all pieces of the round have run.
Job::Round SlimBuild::settle(uint64_t* pieces) {
  if (stopped() && !is_made()) return Round::interrupted;
  const auto go_on = [&](Phase phase) {
    *pieces = begin(phase);
    return Round::again;
  };
  const auto grow = [&] { return go_on(graph_->inserted < graph_->order.size() ? Phase::link : Phase::trim); };
  switch (phase_) {
    case Phase::place:
      if ((*pieces = placing_.next())) return Round::again;
      return encoded() ? grow() : Round::interrupted;
    case Phase::link: return go_on(Phase::merge);
    case Phase::merge:
      graph_->batch_done(batch_);
      set_progress(0.05 + 0.7 * graph_->inserted / (double)graph_->order.size());
      return grow();
    case Phase::trim: {
      Borrowed borrowed(lender_);
      return graph_->connect(*borrowed, [this] { return stopped(); }) ? go_on(shape_.book_count() ? Phase::train : Phase::encode) : Round::interrupted;
    }
    case Phase::train:
      set_progress(0.75 + 0.1 * ((double)books_.size() + training_->share()) / shape_.book_count());
      if (!training_->next()) {
        books_.push_back(std::move(training_->book()));
        return go_on(books_.size() < shape_.book_count() ? Phase::train : Phase::encode);
      }
      *pieces = training_->pieces();
      return Round::again;
    case Phase::encode: set_progress(0.95); return go_on(Phase::write);
    case Phase::write: break;
  }
  set_progress(writing_ ? 0.95 + 0.05 * writer_->share() : 1);
  *pieces = 1;
  return writing_ ? Round::again : Round::complete;
}

uint64_t SlimBuild::begin(Phase phase) {
  phase_ = phase;
  switch (phase) {
    case Phase::link: {
      Borrowed borrowed(lender_);
      return pieces_of(batch_ = graph_->begin_batch(*borrowed), link_rows);
    }
    case Phase::merge:
      graph_->gather_edges(graph_->order.data() + graph_->inserted, batch_);
      return pieces_of(graph_->targets.size() - 1, merge_targets);
    case Phase::trim: return pieces_of(graph_->order.size(), trim_rows);
    case Phase::train: return begin_training();
    case Phase::encode: return begin_encoding();
    case Phase::write: return begin_writing();
    default: return 1;
  }
}

bool SlimBuild::encoded() {
  for (uint32_t row = 0; row < count_ && shape_.zero_row == no_row; ++row)
    if (graph_->terms[row].norm == norm_of_no_place) shape_.zero_row = row;
  if (stopped()) return false;
  graph_->chain_twins(shape_.seed);
  set_progress(0.05);
  return true;
}

// The first book is made from rows, each other one from what the book before has left of them.
uint64_t SlimBuild::begin_training() {
  uint32_t rows = training_ ? training_->rows() : 0;
  Buffer<float> values = training_ ? training_->rest() : training_values(&rows);
  training_ = std::make_unique<BookTraining>(shape_.book(), std::move(values), rows, books_.size() + 1 < shape_.book_count());
  return training_->pieces();
}

Buffer<float> SlimBuild::training_values(uint32_t* rows) const {
  const BookShape book = shape_.book();
  std::vector<uint32_t> sample = graph_->order;
  std::sort(sample.begin(), sample.end());
  const uint64_t wanted = std::max<uint64_t>(book.words(), std::min(rows_of_word * book.words(), most_training_values / book.dims));
  *rows = (uint32_t)std::min<uint64_t>(sample.size(), wanted);
  Buffer<float> values((uint64_t)*rows * book.dims, Owner::build);
  for (uint64_t i = 0; i < *rows; ++i) encoder_->values_of(sample[i * sample.size() / *rows], values.data() + i * book.dims);
  return values;
}

uint64_t SlimBuild::begin_encoding() {
  training_.reset();
  encoder_->prepare(std::move(books_));
  codes_ = Buffer<uint8_t>(slim_section_bytes(shape_, slim_codes, false) + bytes_behind_codes, Owner::build);
  terms_ = Buffer<float>((size_t)count_ * shape_.term_floats(), Owner::build);
  return pieces_of(count_, encode_rows);
}

uint64_t SlimBuild::begin_writing() {
  const GridState& grid = placing_.grid().state();
  shape_.step = grid.step;
  shape_.longest = grid.longest;
  shape_.typical = grid.typical;
  shape_.beam = graph_->beam();
  shape_.graph_rows = graph_->order.size();
  shape_.rows_check = check_of_rows(*rows_, count_);
  shape_.entry_count = (uint32_t)graph_->entries.size();
  std::copy(graph_->entries.begin(), graph_->entries.end(), shape_.entries);
  lists_.assign((size_t)count_ * shape_.degree, no_row);
  for (uint32_t row = 0; row < count_; ++row) std::copy_n(graph_->list(row), graph_->degree_of(row), lists_.data() + (size_t)row * shape_.degree);
  words_ = Buffer<float>(shape_.book_floats(), Owner::build);
  for (uint32_t stage = 0; stage < shape_.book_count(); ++stage)
    std::copy_n(encoder_->books()[stage].words.data(), shape_.book().floats(), words_.data() + stage * shape_.book().floats());
  const void* data[slim_section_count] = {placing_.grid().mean().data(), codes_.data(), terms_.data(), lists_.data(), graph_->next_twin.data(), words_.data()};
  std::vector<SectionSource> sources;
  for (uint32_t i = 0; i < slim_section_count; ++i) sources.push_back({data[i], slim_section_bytes(shape_, i, !graph_->next_twin.empty())});
  writer_ = std::make_unique<SectionWriter>(path_, slim_file_names, &shape_, sizeof shape_, std::move(sources));
  return 1;
}

}  // namespace

std::shared_ptr<Job> make_slim_build(const elanus_slim_build& plan, const char* path, elanus_done done, void* context) {
  auto rows = rows_to_build(plan.rows, plan.row_count, path);
  if (rows->element() == Element::binary) fail(ELANUS_INVALID, "slim graphs are not built from binary rows");
  if (plan.metric > ELANUS_COSINE) fail(ELANUS_INVALID, "metric %u is not for slim graphs", plan.metric);
  check_graph(plan.degree, plan.beam);
  if (plan.codes > ELANUS_SLIM_BFLOAT16) fail(ELANUS_INVALID, "codes %u are not known", plan.codes);
  const bool words = plan.codes == ELANUS_SLIM_BOOK || plan.codes == ELANUS_SLIM_STAGES;
  if (plan.codes == ELANUS_SLIM_STAGES && (plan.stages < 1 || plan.stages > ELANUS_MAX_STAGES))
    fail(ELANUS_INVALID, "%u stages are not in 1..%u", plan.stages, ELANUS_MAX_STAGES);
  if (plan.codes == ELANUS_SLIM_SCALAR && plan.bits != 4 && plan.bits != 6 && plan.bits != 8) fail(ELANUS_INVALID, "%u bits are none of 4, 6 and 8", plan.bits);
  if (words) check_subspaces(plan.subspaces, rows->dimension());
  if (words) check_book_bits(plan.bits);
  return std::make_shared<SlimBuild>(plan, path, std::move(rows), done, context);
}

}  // namespace elanus
