#include "slim_file.h"
#include "section_index.h"
#include "twins.h"

namespace elanus {

const SectionNames slim_file_names = {"ELANUSIG", 2, {"mean", "codes", "terms", "lists", "twins", "codebooks"}};

uint64_t slim_section_bytes(const SlimShape& shape, uint32_t section, bool twins) {
  switch (section) {
    case slim_mean: return shape.dims() * sizeof(float);
    case slim_codes: return shape.rows * shape.code_bytes();
    case slim_terms: return shape.rows * shape.term_floats() * sizeof(float);
    case slim_lists: return shape.rows * shape.degree * sizeof(uint32_t);
    case slim_twins: return twins ? shape.rows * sizeof(uint32_t) : 0;
    default: return shape.book_floats() * sizeof(float);
  }
}

namespace {

class SlimReader final : public SectionIndexReader<SlimIndex> {
 public:
  SlimReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);

 private:
  void check_shape() const;
  void check_codes() const;
  void check() override;

  std::vector<float> mean_;
};

SlimReader::SlimReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) : SectionIndexReader(path, slim_file_names, std::move(rows), mapped) {
  SlimIndex& index = *index_;
  check_shape();
  const SlimShape& shape = index.shape;
  const bool twins = reader_.bytes(slim_twins) != 0;
  for (uint32_t i = 0; i < slim_section_count; ++i) reader_.require_size(i, slim_section_bytes(shape, i, twins));
  mean_.resize(shape.dims());
  index.codes = reader_.take<uint8_t>(slim_codes, bytes_behind_codes);
  index.terms = reader_.take<float>(slim_terms);
  index.lists = reader_.take<uint32_t>(slim_lists);
  if (twins) index.next_twin = reader_.take<uint32_t>(slim_twins);
  index.words = reader_.take<float>(slim_book);
  reader_.into(slim_mean, mean_.data());
  reader_.give(index);
}

void SlimReader::check_shape() const {
  const SlimShape& s = index_->shape;
  require(s.element < ELANUS_BINARY && s.metric <= ELANUS_COSINE, "its metric is impossible");
  require(s.dimension >= 1 && s.dimension <= ELANUS_MAX_DIMENSION, "its dimension is impossible");
  require(s.degree >= ELANUS_MIN_DEGREE && s.degree <= ELANUS_MAX_DEGREE, "its degree is impossible");
  check_codes();
  require(s.graph_rows <= s.rows, "its rows are too many");
  require(s.zero_row == no_row || s.zero_row < s.rows, "its row without direction does not exist");
  require(s.entry_count <= most_entries && (s.entry_count > 0) == (s.graph_rows > 0), "its entries are too many or too few");
  for (uint32_t i = 0; i < most_entries; ++i) require(i >= s.entry_count || s.entries[i] < s.rows, "an entry does not exist");
  require(!s.zero, "its page is impossible");
  require_grid();
  require_own_rows();
}

void SlimReader::check_codes() const {
  const SlimShape& s = index_->shape;
  require(s.codes <= SlimCodes::bfloat16, "its codes are not known here");
  const bool words = s.codes == SlimCodes::book || s.codes == SlimCodes::stages;
  require(words ? s.subspaces >= 1 && s.subspaces <= s.dims() && s.bits >= 1 && s.bits <= ELANUS_MAX_BOOK_BITS : !s.subspaces, "its codes are impossible");
  require(s.codes == SlimCodes::stages ? s.stages >= 1 && s.stages <= ELANUS_MAX_STAGES : !s.stages, "its stages are impossible");
  require(words || (s.codes == SlimCodes::scalar ? s.bits == 4 || s.bits == 6 || s.bits == 8 : !s.bits), "its codes are impossible");
}

void SlimReader::check() {
  SlimIndex& index = *index_;
  const SlimShape& shape = index.shape;
  require_mean(slim_mean, mean_);
  reader_.require_section(slim_terms, shape.codes == SlimCodes::scalar ? are_possible((const CodeTerms*)index.terms.data(), shape.rows, shape.dims())
                                                                       : are_possible(index.terms.data(), index.terms.size()));
  bool good = true;
  for (size_t i = 0; i < index.lists.size(); ++i) good &= index.lists[i] < shape.rows || index.lists[i] == no_row;
  reader_.require_section(slim_lists, good);
  for (size_t i = 0; i < index.next_twin.size(); ++i) good &= index.next_twin[i] == no_row || (index.next_twin[i] < shape.rows && index.next_twin[i] > i);
  reader_.require_section(slim_twins, good);
  reader_.require_section(slim_book, are_possible(index.words.data(), index.words.size()));
  if (shape.zero_row != no_row) {
    index.loose.resize(shape.rows);
    for (uint32_t row = shape.zero_row; row != no_row; row = index.next_twin.size() ? index.next_twin[row] : no_row) index.loose[row] = true;
  }
  index.twin_heads = twin_heads(index.next_twin);
  index.grid = Grid({(Metric)shape.metric, shape.dimension, shape.step, shape.longest, shape.typical, shape.seed}, std::move(mean_));
}

}  // namespace

std::unique_ptr<IndexFileReader> open_slim_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) {
  return std::make_unique<SlimReader>(path, std::move(rows), mapped);
}

}  // namespace elanus
