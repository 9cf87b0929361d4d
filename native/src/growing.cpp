#include "growing.h"
#include <algorithm>
#include <cmath>
#include "../include/elanus_index.h"
#include "build_plan.h"
#include "handles.h"

namespace elanus {

namespace {

constexpr uint32_t least_capacity = 1 << 16;
constexpr uint32_t most_of_sample = 5000;
constexpr uint32_t sample_parts = 32;
constexpr uint32_t encode_rows = 64, link_rows = 8, merge_targets = 32;
constexpr double headroom = 2;   // under IP: how much longer than the longest of the first rows a row may be

double median(std::vector<double>& values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

struct GrowingIndex::Memory {
  Memory(size_t rows, uint32_t dims, uint32_t stride)
      : codes(rows * dims, Owner::index), terms(rows, Owner::index), lists(rows * stride, Owner::index), degrees(rows, Owner::index),
        hashes(rows, Owner::index), sketches(rows * sketch_bytes(dims), Owner::index), next_twin(rows, Owner::index),
        twin_heads(rows / 64 + 1, Owner::index), dims(dims), stride(stride) {}

  void use(size_t rows) {
    codes.use(rows * dims);
    terms.use(rows);
    lists.use(rows * stride);
    degrees.use(rows);
    hashes.use(rows);
    sketches.use(rows * sketch_bytes(dims));
    next_twin.use(rows);
    twin_heads.use(rows / 64 + 1);
  }

  Reserve<int8_t> codes;
  Reserve<CodeTerms> terms;
  Reserve<uint32_t> lists;
  Reserve<uint16_t> degrees;
  Reserve<uint64_t> hashes;
  Reserve<uint8_t> sketches;
  Reserve<uint32_t> next_twin;
  Reserve<uint64_t> twin_heads;   // a bit a row
  const uint32_t dims, stride;
};

// Which rows have codes like which: the first row of each kind by hash, and the last one of its chain. Known to the writer only.
struct GrowingIndex::Twins {
  struct Kind {
    uint32_t head = no_row, tail = no_row;
  };
  std::vector<Kind> slots = std::vector<Kind>(1024);
  size_t count = 0;

  Kind& find(const Graph& graph, uint32_t row) {
    if (2 * count >= slots.size()) grow(graph);
    return slot(graph, row, [&](uint32_t head) { return graph.hash_of(head) == graph.hash_of(row) && graph.are_twins(head, row); });
  }

 private:
  template <class Same> Kind& slot(const Graph& graph, uint32_t row, Same same) {
    size_t at = (size_t)(graph.hash_of(row) >> 1) & (slots.size() - 1);
    while (slots[at].head != no_row && !same(slots[at].head)) at = (at + 1) & (slots.size() - 1);
    return slots[at];
  }
  void grow(const Graph& graph) {
    std::vector<Kind> before(2 * slots.size());
    before.swap(slots);
    for (const Kind& kind : before)
      if (kind.head != no_row) slot(graph, kind.head, [](uint32_t) { return false; }) = kind;
  }
};

GrowingIndex::GrowingIndex(std::shared_ptr<Rows> rows, Metric metric, uint32_t degree, uint32_t beam, uint64_t seed)
    : rows_(std::move(rows)), degree_(degree), beam_(beam), twins_(std::make_unique<Twins>()) {
  if (is_of_bits(metric) || rows_->element() == Element::binary) fail(ELANUS_INVALID, "growing graphs are of numbers");
  check_graph(degree, beam);
  const uint32_t dimension = rows_->dimension(), dims = Grid::dims_of(metric, dimension);
  grid_ = Grid({metric, dimension, 1, 0, 1, seed}, std::vector<float>(dims));
  for (capacity_ = most_growing_rows; !memory_; capacity_ /= 2) {
    try {
      memory_ = std::make_shared<Memory>(capacity_, dims, Graph::stride_of(degree));
      break;
    } catch (const std::bad_alloc&) {
      if (capacity_ <= least_capacity) throw;
    }
  }
  const Graph::Memory memory = {memory_->codes.data(), memory_->terms.data(), memory_->lists.data(), memory_->degrees.data(), memory_->hashes.data(), memory_->sketches.data()};
  graph_ = std::make_unique<Graph>(memory, capacity_, dims, degree, beam);
}

GrowingIndex::~GrowingIndex() = default;

// From rows spread evenly over the first ones: their middle, and how far they reach. Medians of parts, as in a build.
void GrowingIndex::learn(uint32_t row_count) {
  const uint32_t dimension = rows_->dimension(), dims = grid_.dims(), count = std::min(row_count, most_of_sample);
  const bool directed = grid_.state().metric == Metric::cosine;
  std::vector<float> row(dimension), work(dims);
  auto each = [&](uint32_t part, auto use) {
    for (uint32_t i = part; i < count; i += sample_parts) {
      uint64_t run;
      const uint64_t number = (uint64_t)i * row_count / count;
      table().widen(rows_->element(), rows_->at(number, &run), dimension, row.data());
      if (table().first_not_finite(Element::float32, row.data(), dimension) == dimension) use();
    }
  };
  if (grid_.state().metric == Metric::ip) {
    double longest = 0, total = 0;
    uint32_t seen = 0;
    for (uint32_t part = 0; part < sample_parts; ++part)
      each(part, [&] {
        const double length = Grid::length_of(row.data(), dimension);
        longest = std::max(longest, length);
        total += length;
        ++seen;
      });
    grid_.set_lengths((float)std::min(headroom * longest, 1e18), seen ? (float)(total / seen) : 1);
  }
  std::vector<std::vector<double>> sums(sample_parts, std::vector<double>(dims));
  std::vector<uint32_t> counts(sample_parts);
  for (uint32_t part = 0; part < sample_parts; ++part)
    each(part, [&] {
      if (!grid_.centred(row.data(), work.data())) return;
      for (uint32_t j = 0; j < dims; ++j) sums[part][j] += work[j];
      ++counts[part];
    });
  std::vector<float> mean(dims);
  std::vector<double> values;
  for (uint32_t j = 0; j < dims; ++j) {
    values.clear();
    for (uint32_t part = 0; part < sample_parts; ++part)
      if (counts[part]) values.push_back(sums[part][j] / counts[part]);
    mean[j] = (float)median(values);
  }
  grid_.set_mean(std::move(mean));
  double most = 0;
  values.clear();
  for (uint32_t part = 0; part < sample_parts; ++part) {
    double total = 0;
    uint32_t seen = 0;
    each(part, [&] {
      if (!grid_.rotated(row.data(), work.data())) return;
      for (uint32_t j = 0; j < dims; ++j) {
        total += (double)work[j] * work[j];
        most = std::max(most, (double)std::fabs(work[j]));
      }
      ++seen;
    });
    if (seen && std::isfinite(total)) values.push_back(total / ((double)seen * dims));
  }
  const double typical = median(values);
  // Later rows may reach farther than these.
  if (typical > 0) grid_.set_step(typical, (float)(headroom * most));
  else if (most > 0) grid_.set_step(most * most, (float)most);
  else if (directed) grid_.set_step(1. / dims, 1);
  else grid_.set_step(1e-12, 1);   // all equal: whatever comes reaches farther, and has coarser codes
}

void GrowingIndex::encode(uint32_t row, Scratch& s) {
  const uint32_t dimension = rows_->dimension(), dims = grid_.dims();
  s.work.resize((size_t)dimension + dims);
  uint64_t run;
  table().widen(rows_->element(), rows_->at(row, &run), dimension, s.work.data());
  const bool finite = table().first_not_finite(Element::float32, s.work.data(), dimension) == dimension;
  const bool placed = finite && grid_.encode(s.work.data(), usual_step, s.work.data() + dimension, memory_->codes.data() + (size_t)row * dims, &memory_->terms[row]);
  if (!placed) memory_->terms[row] = {norm_of_no_place, finite ? 0.f : 1.f, 0};
  memory_->next_twin[row] = no_row;
  memory_->lists[(size_t)row * memory_->stride] = no_row;
  graph_->encoded(row, placed);
}

// In the order of rows: where each of them belongs.
void GrowingIndex::place_encoded(uint32_t first, uint32_t last) {
  const bool by_length = grid_.state().metric == Metric::ip;
  std::vector<float> values(rows_->dimension());
  for (uint32_t row = first; row < last; ++row) {
    const CodeTerms& terms = memory_->terms[row];
    const bool nowhere = terms.norm == norm_of_no_place, no_number = nowhere && terms.ratio != 0;
    bool long_row = false;
    if (by_length && !nowhere && outside_.size() < most_outside) {
      uint64_t run;
      table().widen(rows_->element(), rows_->at(row, &run), rows_->dimension(), values.data());
      long_row = Grid::length_of(values.data(), rows_->dimension()) > grid_.state().longest;
    }
    if (no_number || long_row) {
      if (outside_.size() < most_outside) outside_.push_back(row);
      memory_->terms[row] = {norm_of_no_place, 0, 0};
      continue;
    }
    Twins::Kind& kind = twins_->find(*graph_, row);
    if (kind.head == no_row) {
      kind = {row, row};
      ++twins_->count;
      if (nowhere) zero_row_ = std::min(zero_row_, row);
      else graph_->order.push_back(row);
      continue;
    }
    if (kind.head == kind.tail && !nowhere) {
      __atomic_fetch_or(&memory_->twin_heads[kind.head / 64], 1ull << kind.head % 64, __ATOMIC_RELAXED);
      has_twins_ = true;
    }
    __atomic_store_n(&memory_->next_twin[kind.tail], row, __ATOMIC_RELAXED);
    kind.tail = row;
  }
}

std::shared_ptr<Index> GrowingIndex::publish(uint32_t row_count) {
  auto index = std::make_shared<Index>();
  index->grid = grid_;
  index->degree = degree_;
  index->beam = beam_;
  index->row_count = row_count;
  index->graph_row_count = graph_->inserted;
  index->stride = memory_->stride;
  index->zero_row = zero_row_ < row_count ? zero_row_ : no_row;
  index->codes = Buffer<int8_t>::view(memory_->codes.data(), (size_t)row_count * memory_->dims);
  index->terms = Buffer<CodeTerms>::view(memory_->terms.data(), row_count);
  index->lists = Buffer<uint32_t>::view(memory_->lists.data(), (size_t)row_count * memory_->stride);
  index->sketches = Buffer<uint8_t>::view(memory_->sketches.data(), (size_t)row_count * sketch_bytes(memory_->dims));
  index->next_twin = Buffer<uint32_t>::view(memory_->next_twin.data(), row_count);
  index->entries = graph_->entries;
  index->rows_of_degree.resize(degree_ + 1);
  if (has_twins_) index->twin_heads = Buffer<uint64_t>::view(memory_->twin_heads.data(), row_count / 64 + 1);
  index->outside = outside_;
  index->rows = rows_;
  index->lender = searchers_;
  index->memory = memory_;
  published_.store(row_count, std::memory_order_release);
  return index;
}

class Extension final : public Job {
 public:
  Extension(std::shared_ptr<GrowingIndex> growing, uint32_t row_count, uint64_t* index, elanus_done done, void* context)
      : Job(done, context), growing_(std::move(growing)), count_(row_count), index_(index) {
    if (growing_->extending_.exchange(true)) fail(ELANUS_BUSY, "the index is being extended already");
    extends_ = true;
    set_pieces(begin(growing_->learned_ ? Phase::encode : Phase::learn));
  }
  ~Extension() override { stop(); }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  void let_go() override { stop(); }

 private:
  enum class Phase { learn, encode, link, merge };

  void stop() {
    if (extends_) growing_->extending_.store(false);
    extends_ = false;
    growing_.reset();
  }
  Graph& graph() { return *growing_->graph_; }
  const uint32_t* batch() { return graph().order.data() + graph().inserted; }
  uint64_t begin(Phase phase);
  Round publish();

  std::shared_ptr<GrowingIndex> growing_;
  const uint32_t count_;
  uint64_t* const index_;
  bool extends_ = false;
  Phase phase_ = Phase::learn;
  uint32_t batch_ = 0;
};

uint64_t Extension::begin(Phase phase) {
  phase_ = phase;
  switch (phase) {
    case Phase::learn: break;
    case Phase::encode:
      growing_->memory_->use(std::max(count_, growing_->encoded_));
      return pieces_of(count_ > growing_->encoded_ ? count_ - growing_->encoded_ : 0, encode_rows);
    case Phase::link: return pieces_of(batch_ = graph().next_batch(), link_rows);
    case Phase::merge:
      graph().gather_edges(batch(), batch_);
      return pieces_of(graph().targets.size() - 1, merge_targets);
  }
  return 1;
}

void Extension::work(uint64_t piece) {
  Borrowed borrowed(growing_->builders_);
  Scratch& s = *borrowed;
  switch (phase_) {
    case Phase::learn: return growing_->learn(count_);
    case Phase::encode: {
      const uint64_t first = growing_->encoded_ + piece * encode_rows, last = std::min<uint64_t>(first + encode_rows, count_);
      for (uint64_t row = first; row < last && !stopped(); ++row) growing_->encode((uint32_t)row, s);
      return;
    }
    case Phase::link: {
      const uint32_t first = (uint32_t)piece * link_rows;
      return graph().link(batch() + first, std::min(link_rows, batch_ - first), growing_->builders_);
    }
    case Phase::merge: {
      const uint64_t targets = graph().targets.size() - 1;
      for (uint64_t i = piece * merge_targets; i < std::min((piece + 1) * merge_targets, targets) && !stopped(); ++i) graph().merge((uint32_t)i, s);
      return;
    }
  }
}

Job::Round Extension::settle(uint64_t* pieces) {
  if (stopped()) return Round::interrupted;
  Phase next = Phase::link;
  switch (phase_) {
    case Phase::learn:
      growing_->learned_ = true;
      next = Phase::encode;
      break;
    case Phase::encode:
      if (count_ > growing_->encoded_) {
        const uint32_t first = growing_->encoded_;
        graph().grow(count_);
        growing_->encoded_ = count_;
        growing_->place_encoded(first, count_);
      }
      break;
    case Phase::link: next = Phase::merge; break;
    case Phase::merge: graph().batch_done(batch_); break;
  }
  if (next == Phase::link && graph().inserted == graph().order.size()) {
    *index_ = open_handle(growing_->publish(growing_->encoded_));
    return Round::complete;
  }
  *pieces = begin(next);
  return Round::again;
}

std::shared_ptr<Job> make_extension(std::shared_ptr<GrowingIndex> growing, uint64_t row_count, uint64_t* index, elanus_done done, void* context) {
  const uint64_t held = growing->rows().count();
  if (row_count < 1 || row_count > held) fail(ELANUS_INVALID, "%llu rows are wanted, there are %llu", (unsigned long long)row_count, (unsigned long long)held);
  const uint32_t count = (uint32_t)std::min<uint64_t>(row_count, growing->capacity());
  return std::make_shared<Extension>(std::move(growing), count, index, done, context);
}

}  // namespace elanus
