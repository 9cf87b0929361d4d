#include "lists_build.h"
#include <algorithm>
#include <atomic>
#include <numeric>
#include "build_plan.h"
#include "handles.h"
#include "index_file.h"
#include "lists_code.h"
#include "lists_file.h"
#include "placing.h"

namespace elanus {

namespace {

constexpr uint64_t rows_of_list = 64, most_of_sample = 1 << 17, least_rows_of_list = 16;   // of the sample that centres come from
constexpr uint64_t rows_of_word = 64, most_training_values = 1 << 24;                      // of the residuals that a book comes from
constexpr uint64_t piece_products = 8 << 20;
constexpr uint32_t encode_lists = 4;

// What is known before the rows were looked at.
ListsShape shape_of(const elanus_lists_build& plan, const Rows& rows) {
  ListsShape shape = {};
  shape.metric = plan.metric;
  shape.dimension = rows.dimension();
  shape.element = (uint32_t)rows.element();
  shape.codes = (RowCodes)plan.codes;
  shape.subspaces = plan.subspaces;
  shape.bits = plan.bits;
  shape.rows = plan.row_count;
  shape.seed = plan.seed;
  return shape;
}

class ListsBuild final : public Job {
 public:
  ListsBuild(const elanus_lists_build& plan, const char* path, std::shared_ptr<Rows> rows, elanus_done done, void* context)
      : Job(done, context), path_(path), rows_(std::move(rows)), wanted_lists_(plan.lists), shape_(shape_of(plan, *rows_)), lender_(Owner::build),
        placing_(rows_, (uint32_t)plan.row_count, shape_.grid_metric(), plan.seed, [this] { return make_codes(); }, [this] { return stopped(); }) {
    set_pieces(placing_.begin());
  }

 protected:
  void work(uint64_t piece) override;
  Round settle(uint64_t* pieces) override;
  bool is_made() const override { return !writing_; }
  void let_go() override {
    writer_.reset();
    training_.reset();
    clustering_.reset();
    index_ = {};
    codes_ = {};
    terms_ = {};
    lender_.clear();
    rows_.reset();
    placing_.let_go();
  }

 private:
  enum class Phase { place, cluster, assign, train, encode, write };
  // What will be the file.
  struct Parts {
    Centres centres;
    std::vector<uint32_t> starts, blocks, numbers, list_of;
    Buffer<uint8_t> codes;
    Buffer<float> terms;
    Codebook book;
  };

  Placing::Target make_codes();
  CodeRows code_rows() const { return {codes_.data(), terms_.data(), shape_.dims()}; }
  uint64_t begin(Phase phase);
  uint64_t begin_clusters();
  uint64_t begin_training();
  uint64_t begin_encoding();
  uint64_t assigned_rows() const { return std::max<uint64_t>(1, piece_products / ((uint64_t)shape_.lists * shape_.dims() + 1)); }
  void sort_rows();
  void begin_writing();

  const std::string path_;
  std::shared_ptr<Rows> rows_;
  const uint32_t wanted_lists_;
  ListsShape shape_;
  Phase phase_ = Phase::place;
  Lender lender_;
  Placing placing_;
  Buffer<int8_t> codes_;
  Buffer<CodeTerms> terms_;
  std::vector<uint32_t> placed_;   // rows that have a place on the grid
  std::unique_ptr<Clustering> clustering_;
  std::unique_ptr<BookTraining> training_;
  Parts index_;
  std::unique_ptr<SectionWriter> writer_;
  bool writing_ = true;
};

Placing::Target ListsBuild::make_codes() {
  codes_ = Buffer<int8_t>(shape_.rows * shape_.dims(), Owner::build);
  terms_ = Buffer<CodeTerms>(shape_.rows, Owner::build);
  return {codes_.data(), terms_.data(), nullptr};
}

void ListsBuild::work(uint64_t piece) {
  Borrowed borrowed(lender_);
  Scratch& s = *borrowed;
  switch (phase_) {
    case Phase::place: return placing_.work(piece, s);
    case Phase::cluster:
      if (clustering_) clustering_->work(piece, s);
      return;
    case Phase::assign: {
      const CodeRows rows = code_rows();
      for (uint64_t i = piece * assigned_rows(); i < std::min<uint64_t>((piece + 1) * assigned_rows(), placed_.size()) && !stopped(); ++i)
        index_.list_of[i] = index_.centres.nearest(point_of(rows, placed_[i]), s);
      return;
    }
    case Phase::train: return training_->work(piece, s);
    case Phase::encode: {
      const ListEncoder encoder(shape_, code_rows(), index_.centres, index_.book);
      for (uint64_t list = piece * encode_lists; list < std::min<uint64_t>((piece + 1) * encode_lists, shape_.lists) && !stopped(); ++list) {
        const uint32_t first = index_.starts[list], count = index_.starts[list + 1] - first;
        encoder.encode((uint32_t)list, index_.numbers.data() + first, count, index_.codes.data() + (shape_.in_blocks() ? index_.blocks[list] : first) * shape_.code_bytes(),
                       index_.terms.data() + first * shape_.term_floats(), s);
      }
      return;
    }
    case Phase::write: writing_ = writer_->write_some(); return;
  }
}

// Alone: all pieces of the round have run.
Job::Round ListsBuild::settle(uint64_t* pieces) {
  if (stopped() && !is_made()) return Round::interrupted;
  switch (phase_) {
    case Phase::place:
      if ((*pieces = placing_.next())) return Round::again;
      set_progress(0.1);
      *pieces = begin(Phase::cluster);
      return Round::again;
    case Phase::cluster:
      if (clustering_ && (*pieces = clustering_->next())) {
        set_progress(0.1 + 0.5 * clustering_->share());
        return Round::again;
      }
      *pieces = begin(Phase::assign);
      return Round::again;
    case Phase::assign:
      sort_rows();
      set_progress(0.7);
      *pieces = begin(shape_.book().dims ? Phase::train : Phase::encode);
      return Round::again;
    case Phase::train:
      set_progress(0.7 + 0.15 * training_->share());
      *pieces = training_->next() ? training_->pieces() : begin(Phase::encode);
      return Round::again;
    case Phase::encode:
      begin_writing();
      set_progress(0.95);
      *pieces = begin(Phase::write);
      return Round::again;
    case Phase::write: break;
  }
  set_progress(writing_ ? 0.95 + 0.05 * writer_->share() : 1);
  *pieces = 1;
  return writing_ ? Round::again : Round::complete;
}

uint64_t ListsBuild::begin(Phase phase) {
  phase_ = phase;
  switch (phase) {
    case Phase::cluster: return begin_clusters();
    case Phase::assign:
      if (clustering_) index_.centres = std::move(clustering_->centres());
      clustering_.reset();
      index_.list_of.resize(placed_.size());
      return pieces_of(placed_.size(), assigned_rows());
    case Phase::train: return begin_training();
    case Phase::encode: return begin_encoding();
    default: return 1;
  }
}

uint64_t ListsBuild::begin_clusters() {
  for (uint32_t row = 0; row < shape_.rows; ++row)
    if (terms_[row].norm < norm_of_no_place) placed_.push_back(row);
  shape_.loose = shape_.rows - placed_.size();
  shape_.lists = (uint32_t)std::min<uint64_t>(wanted_lists_, placed_.size());
  if (!shape_.lists) return 1;
  const uint64_t wanted = std::clamp<uint64_t>(most_of_sample / shape_.lists, least_rows_of_list, rows_of_list) * shape_.lists;
  std::vector<uint32_t> sample(std::min<uint64_t>(wanted, placed_.size()));
  for (uint64_t i = 0; i < sample.size(); ++i) sample[i] = placed_[i * placed_.size() / sample.size()];
  clustering_ = std::make_unique<Clustering>(code_rows(), std::move(sample), shape_.lists, shape_.seed);
  return clustering_->begin();
}

// Rows by list, ascending; loose ones at the end.
void ListsBuild::sort_rows() {
  index_.starts.assign(shape_.lists + 1, 0);
  for (const uint32_t list : index_.list_of) ++index_.starts[list + 1];
  std::partial_sum(index_.starts.begin(), index_.starts.end(), index_.starts.begin());
  std::vector<uint32_t> at(index_.starts.begin(), index_.starts.end() - 1);
  index_.numbers.resize(placed_.size());
  for (uint64_t i = 0; i < placed_.size(); ++i) index_.numbers[at[index_.list_of[i]]++] = placed_[i];
  for (uint32_t row = 0; row < shape_.rows; ++row)
    if (terms_[row].norm == norm_of_no_place) index_.numbers.push_back(row);
}

uint64_t ListsBuild::begin_training() {
  const BookShape book = shape_.book();
  const uint64_t placed = placed_.size(), dims = shape_.dims();
  const uint64_t rows = std::min(placed, std::max<uint64_t>(book.words(), std::min(rows_of_word * book.words(), most_training_values / dims)));
  Buffer<float> residuals(rows * dims, Owner::build);
  for (uint64_t i = 0; i < rows; ++i) {
    const uint64_t place = i * placed / rows;
    residual_of(code_rows(), placed_[place], index_.centres, index_.list_of[place], residuals.data() + i * dims);
  }
  training_ = std::make_unique<BookTraining>(book, std::move(residuals), (uint32_t)rows);
  return training_->pieces();
}

uint64_t ListsBuild::begin_encoding() {
  if (training_) index_.book = std::move(training_->book());
  training_.reset();
  index_.blocks = blocks_of(index_.starts.data(), shape_.lists);
  index_.codes = Buffer<uint8_t>(lists_section_bytes(shape_, lists_codes, index_.blocks.back()), Owner::build);
  index_.terms = Buffer<float>(lists_section_bytes(shape_, lists_terms, 0) / sizeof(float), Owner::build);
  return pieces_of(shape_.lists, encode_lists);
}

void ListsBuild::begin_writing() {
  const GridState& grid = placing_.grid().state();
  shape_.step = grid.step;
  shape_.longest = grid.longest;
  shape_.typical = grid.typical;
  shape_.rows_check = check_of_rows(*rows_, shape_.rows);
  const void* data[lists_section_count] = {placing_.grid().mean().data(), index_.centres.codes.data(), index_.centres.terms.data(), index_.starts.data(),
                                           index_.numbers.data(),         index_.codes.data(),         index_.terms.data(),         index_.book.words.data()};
  std::vector<SectionSource> sources;
  for (uint32_t i = 0; i < lists_section_count; ++i) sources.push_back({data[i], lists_section_bytes(shape_, i, index_.blocks.back())});
  writer_ = std::make_unique<SectionWriter>(path_, lists_file_names, &shape_, sizeof shape_, std::move(sources));
}

}  // namespace

std::shared_ptr<Job> make_lists_build(const elanus_lists_build& plan, const char* path, elanus_done done, void* context) {
  auto rows = rows_to_build(plan.rows, plan.row_count, path);
  const bool bits = rows->element() == Element::binary;
  if (plan.metric > ELANUS_JACCARD || is_of_bits((Metric)plan.metric) != bits) fail(ELANUS_INVALID, "metric %u is not for lists of rows of element %u", plan.metric, (uint32_t)rows->element());
  if (rows->dimension() > ELANUS_MAX_DIMENSION) fail(ELANUS_INVALID, "dimension %u is not in 1..%u", rows->dimension(), ELANUS_MAX_DIMENSION);
  if (plan.lists < 1 || plan.lists > ELANUS_MAX_LISTS) fail(ELANUS_INVALID, "%u lists are not in 1..%u", plan.lists, ELANUS_MAX_LISTS);
  if (plan.codes > ELANUS_CODES_SIGN) fail(ELANUS_INVALID, "codes %u are not known", plan.codes);
  if (bits && plan.codes != ELANUS_CODES_NONE) fail(ELANUS_INVALID, "lists of binary rows have no codes");
  elanus_lists_build fitted = plan;
  const bool nibble = plan.codes == ELANUS_CODES_NIBBLE, book = nibble || plan.codes == ELANUS_CODES_BOOK;
  if (book) check_subspaces(plan.subspaces, rows->dimension());
  if (plan.codes == ELANUS_CODES_BOOK) check_book_bits(plan.bits);
  if (!book) fitted.subspaces = 0;
  fitted.bits = nibble ? 4 : book ? plan.bits : 0;
  return std::make_shared<ListsBuild>(fitted, path, std::move(rows), done, context);
}

}  // namespace elanus
