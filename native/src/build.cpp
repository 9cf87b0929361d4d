#include "build.h"
#include <algorithm>
#include "build_plan.h"
#include "handles.h"
#include "index_file.h"
#include "placing.h"
#include "row_clustering.h"

namespace elanus {

namespace {

constexpr uint32_t link_rows = 4, merge_targets = 32, trim_rows = 256, pack_rows = 32;

class Build final : public Job {
 public:
  Build(const elanus_index_build& plan, const char* path, std::shared_ptr<Rows> rows, elanus_done done, void* context)
      : Job(done, context), path_(path), rows_(std::move(rows)), count_((uint32_t)plan.row_count), degree_(plan.degree), beam_(plan.beam),
        seed_(plan.seed), layout_((IndexLayout)plan.layout), lender_(Owner::build),
        placing_(rows_, count_, (Metric)plan.metric, plan.seed, [this] { return make_graph(); }, [this] { return stopped(); }) {
    set_pieces(placing_.begin());
  }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  bool is_made() const override { return !writing_; }
  void let_go() override {
    writer_.reset();
    packed_ = {};
    clustering_.reset();
    graph_.reset();
    lender_.clear();
    rows_.reset();
    placing_.let_go();
  }

 private:
  enum class Phase { place, cluster, link, merge, trim, pack, write };

  uint64_t begin(Phase phase);
  Phase next_phase();
  bool encoded();   // false if it was stopped
  void pack(uint64_t piece, Scratch& s);
  Placing::Target make_graph();

  const std::string path_;
  std::shared_ptr<Rows> rows_;
  const uint32_t count_, degree_, beam_;
  const uint64_t seed_;
  const IndexLayout layout_;
  Phase phase_ = Phase::place;
  Lender lender_;
  Placing placing_;
  std::unique_ptr<Graph> graph_;
  std::unique_ptr<RowClustering> clustering_;
  uint32_t zero_row_ = no_row, batch_ = 0;
  std::unique_ptr<IndexWriter> writer_;
  bool writing_ = true;
  Buffer<uint8_t> packed_;   // blocks of the rows that are written next
  uint64_t first_packed_ = 0, packed_count_ = 0;
};

Placing::Target Build::make_graph() {
  graph_ = std::make_unique<Graph>(count_, placing_.grid().dims(), degree_, beam_);
  return {graph_->codes.data(), graph_->terms.data(), [this](uint32_t row, bool placed) { graph_->encoded(row, placed); }};
}

uint64_t Build::begin(Phase phase) {
  phase_ = phase;
  switch (phase) {
    case Phase::place: break;
    case Phase::cluster: return clustering_->begin();
    case Phase::link: {
      Borrowed borrowed(lender_);
      return pieces_of(batch_ = graph_->begin_batch(*borrowed), link_rows);
    }
    case Phase::merge:
      graph_->gather_edges(graph_->order.data() + graph_->inserted, batch_);
      return pieces_of(graph_->targets.size() - 1, merge_targets);
    case Phase::trim: return pieces_of(graph_->order.size(), trim_rows);
    case Phase::pack: {
      const auto [first, last] = writer_->next_blocks();
      first_packed_ = first;
      packed_count_ = last - first;
      const size_t bytes = packed_count_ * block_bytes(slots_of(layout_, degree_), graph_->dims());
      if (packed_.size() < bytes) packed_ = Buffer<uint8_t>(bytes, Owner::build);
      return pieces_of(packed_count_, pack_rows);
    }
    case Phase::write: return 1;
  }
  return 1;
}

void Build::work(uint64_t piece) {
  Borrowed borrowed(lender_);
  Scratch& s = *borrowed;
  switch (phase_) {
    case Phase::place: return placing_.work(piece, s);
    case Phase::cluster: return clustering_->work(piece, s);
    case Phase::link: {
      for (uint64_t i = piece * link_rows; i < std::min<uint64_t>((piece + 1) * link_rows, batch_) && !stopped(); ++i) graph_->link(graph_->batch[i], s);
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
    case Phase::pack: return pack(piece, s);
    case Phase::write: writing_ = writer_->write_some(packed_.data()); return;
  }
}

// Alone: all pieces of the round have run.
Job::Round Build::settle(uint64_t* pieces) {
  switch (phase_) {
    case Phase::place:
      if ((*pieces = placing_.next())) return Round::again;
      if (!encoded()) return Round::interrupted;
      clustering_ = std::make_unique<RowClustering>(graph_->code_rows(), count_, seed_);
      if ((*pieces = begin(Phase::cluster))) return Round::again;
      break;
    case Phase::cluster:
      if ((*pieces = clustering_->next())) return Round::again;
      break;
    case Phase::merge:
      graph_->batch_done(batch_);
      set_progress(0.05 + 0.9 * graph_->inserted / graph_->order.size());
      break;
    case Phase::trim: {
      Borrowed borrowed(lender_);
      if (!graph_->connect(*borrowed, [this] { return stopped(); })) return Round::interrupted;
      writer_ = std::make_unique<IndexWriter>(path_, layout_, *graph_, placing_.grid(), clustering_->clusters(), zero_row_, check_of_rows(*rows_, count_));
      break;
    }
    case Phase::link:
    case Phase::pack: break;
    case Phase::write:
      set_progress(writing_ ? 0.95 + 0.05 * writer_->share() : 1);
      if (!writing_) return Round::complete;
  }
  *pieces = begin(next_phase());
  return Round::again;
}

Build::Phase Build::next_phase() {
  switch (phase_) {
    case Phase::link: return Phase::merge;
    case Phase::place:
    case Phase::cluster:
    case Phase::merge: return graph_->inserted < graph_->order.size() ? Phase::link : Phase::trim;
    case Phase::pack: return Phase::write;
    default: return writer_->wants_blocks() ? Phase::pack : Phase::write;
  }
}

// Blocks are made a few megabytes at a time, just before they are written: all of them are far larger than the graph.
void Build::pack(uint64_t piece, Scratch& s) {
  const uint32_t slots = slots_of(layout_, degree_);
  const size_t bytes = block_bytes(slots, graph_->dims());
  const CodeRows all = graph_->code_rows();
  s.kept.resize(slots);
  for (uint64_t i = piece * pack_rows; i < std::min<uint64_t>((piece + 1) * pack_rows, packed_count_) && !stopped(); ++i) {
    const uint32_t row = (uint32_t)(first_packed_ + i);
    graph_->fill_slots(row, slots, s.kept.data(), s);
    table().graph.pack(&all, row, s.kept.data(), slots, packed_.data() + i * bytes, s.codes(graph_->dims()));
  }
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
  auto rows = rows_to_build(plan.rows, plan.row_count, path);
  if (rows->element() == Element::binary) fail(ELANUS_INVALID, "graphs are built from rows of numbers");
  if (plan.metric > ELANUS_COSINE) fail(ELANUS_INVALID, "metric %u is not known", plan.metric);
  check_graph(plan.degree, plan.beam);
  if (plan.layout > ELANUS_PACKED) fail(ELANUS_INVALID, "layout %u is not known", plan.layout);
  return std::make_shared<Build>(plan, path, std::move(rows), done, context);
}

}  // namespace elanus
