#include "slim_file.h"
#include <cmath>
#include "index_file.h"

namespace elanus {

const SectionNames slim_file_names = {"ELANUSIG", 1, {"mean", "codes", "lists", "twins", "codebook"}};

uint64_t slim_section_bytes(const SlimShape& shape, uint32_t section, bool twins) {
  switch (section) {
    case slim_mean: return shape.dims() * sizeof(float);
    case slim_codes: return shape.rows * shape.code_bytes();
    case slim_lists: return shape.rows * shape.degree * sizeof(uint32_t);
    case slim_twins: return twins ? shape.rows * sizeof(uint32_t) : 0;
    default: return shape.book().floats() * sizeof(float);
  }
}

namespace {

constexpr float most_word = 1e30f;

class SlimReader final : public IndexFileReader {
 public:
  SlimReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);
  bool read_some() override {
    if (reader_.read_some()) return true;
    check();
    return false;
  }
  std::shared_ptr<OpenIndex> result() override { return std::move(index_); }

 private:
  void check_shape(const Rows& rows) const;
  void check();

  SectionReader reader_;
  std::shared_ptr<SlimIndex> index_ = std::make_shared<SlimIndex>();
  std::vector<float> mean_;
};

SlimReader::SlimReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) : reader_(path, slim_file_names, mapped) {
  SlimIndex& index = *index_;
  index.shape = reader_.about<SlimShape>();
  check_shape(*rows);
  const SlimShape& shape = index.shape;
  const bool twins = reader_.bytes(slim_twins) != 0;
  for (uint32_t i = 0; i < slim_section_count; ++i) reader_.require_size(i, slim_section_bytes(shape, i, twins));
  mean_.resize(shape.dims());
  index.codes = reader_.take<uint8_t>(slim_codes, bytes_behind_codes);
  index.lists = reader_.take<uint32_t>(slim_lists);
  if (twins) index.next_twin = reader_.take<uint32_t>(slim_twins);
  index.book.shape = shape.book();
  index.book.words = reader_.take<float>(slim_book);
  index.file_bytes = reader_.file_bytes();
  index.rows = std::move(rows);
  reader_.into(slim_mean, mean_.data());
  reader_.give(index);
}

void SlimReader::check_shape(const Rows& rows) const {
  const SlimShape& s = index_->shape;
  const auto require = [&](bool good, const char* what) { reader_.require(good, what); };
  require(s.element < ELANUS_BINARY && s.metric <= ELANUS_COSINE, "its metric is impossible");
  require(s.dimension >= 1 && s.dimension <= ELANUS_MAX_DIMENSION, "its dimension is impossible");
  require(s.degree >= ELANUS_MIN_DEGREE && s.degree <= ELANUS_MAX_DEGREE, "its degree is impossible");
  require(s.subspaces >= 1 && s.subspaces <= s.dims() && s.bits >= 1 && s.bits <= ELANUS_MAX_BOOK_BITS, "its codes are impossible");
  require(s.rows <= ELANUS_MAX_INDEX_ROWS && s.graph_rows <= s.rows, "its rows are too many");
  require(std::isfinite(s.step) && s.step > 0 && std::isfinite(1 / s.step) && std::isfinite(s.longest) && s.longest >= 0 && std::isfinite(s.typical) && s.typical > 0,
          "its grid is impossible");
  require(s.zero_row == no_row || s.zero_row < s.rows, "its row without direction does not exist");
  require(s.entry_count <= most_entries && (s.entry_count > 0) == (s.graph_rows > 0), "its entries are too many or too few");
  for (uint32_t i = 0; i < s.entry_count; ++i) require(s.entries[i] < s.rows, "an entry does not exist");
  require(!s.zero && s.dimension == rows.dimension() && s.element == (uint32_t)rows.element() && s.rows <= rows.count(),
          "it was built from rows of another kind or dimension, or of more rows");
  require(s.rows_check == check_of_rows(rows, s.rows), "it was built from other rows");
}

// Numbers that will be addresses, or go into sums.
void SlimReader::check() {
  SlimIndex& index = *index_;
  const SlimShape& shape = index.shape;
  bool good = true;
  for (const float x : mean_) good &= std::isfinite(x);
  reader_.require_section(slim_mean, good);
  for (size_t i = 0; i < index.lists.size(); ++i) good &= index.lists[i] < shape.rows || index.lists[i] == no_row;
  reader_.require_section(slim_lists, good);
  for (size_t i = 0; i < index.next_twin.size(); ++i) good &= index.next_twin[i] == no_row || (index.next_twin[i] < shape.rows && index.next_twin[i] > i);
  reader_.require_section(slim_twins, good);
  for (size_t i = 0; i < index.book.words.size(); ++i) good &= index.book.words[i] >= -most_word && index.book.words[i] <= most_word;
  reader_.require_section(slim_book, good);
  if (shape.zero_row != no_row) {
    index.loose.resize(shape.rows);
    for (uint32_t row = shape.zero_row; row != no_row; row = index.next_twin.size() ? index.next_twin[row] : no_row) index.loose[row] = true;
  }
  std::vector<bool> follows(index.next_twin.size());
  for (uint32_t row = 0; row < index.next_twin.size(); ++row) {
    const uint32_t next = index.next_twin[row];
    if (next == no_row) continue;
    follows[next] = true;
    if (!follows[row]) index.twin_heads.push_back(row);   // chains ascend
  }
  index.grid = Grid({(Metric)shape.metric, shape.dimension, shape.step, shape.longest, shape.typical, shape.seed}, std::move(mean_));
}

}  // namespace

std::unique_ptr<IndexFileReader> open_slim_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) {
  return std::make_unique<SlimReader>(path, std::move(rows), mapped);
}

}  // namespace elanus
