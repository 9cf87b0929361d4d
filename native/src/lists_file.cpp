#include "lists_file.h"
#include <cmath>
#include "failure.h"
#include "index_file.h"

namespace elanus {

const SectionNames lists_file_names = {
    "ELANUSIL", 1, {"mean", "centres", "terms of centres", "starts", "numbers", "codes", "terms of rows", "codebook"}};

std::vector<uint32_t> blocks_of(const uint32_t* starts, uint32_t lists) {
  std::vector<uint32_t> blocks(lists + 1);
  for (uint32_t i = 0; i < lists; ++i) blocks[i + 1] = blocks[i] + (starts[i + 1] - starts[i] + block_of_codes - 1) / block_of_codes;
  return blocks;
}

uint64_t lists_section_bytes(const ListsShape& shape, uint32_t section, uint64_t block_count) {
  const uint64_t lists = shape.lists, dims = shape.dims(), placed = shape.rows - shape.loose;
  switch (section) {
    case lists_mean: return dims * sizeof(float);
    case lists_centres: return lists * dims;
    case lists_centre_terms: return lists * sizeof(CodeTerms);
    case lists_starts: return (lists + 1) * sizeof(uint32_t);
    case lists_numbers: return shape.rows * sizeof(uint32_t);
    case lists_codes: return (shape.in_blocks() ? block_count : placed) * shape.code_bytes();
    case lists_terms: return placed * shape.term_floats() * sizeof(float);
    default: return shape.book().dims ? shape.book().floats() * sizeof(float) : 0;
  }
}

namespace {

constexpr float most_term = 1e30f, most_ratio = 1e6f;

class ListsReader final : public IndexFileReader {
 public:
  ListsReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);
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
  std::shared_ptr<ListsIndex> index_ = std::make_shared<ListsIndex>();
  std::vector<float> mean_;
};

ListsReader::ListsReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) : reader_(path, lists_file_names, mapped) {
  ListsIndex& index = *index_;
  index.shape = reader_.about<ListsShape>();
  check_shape(*rows);
  const ListsShape& shape = index.shape;
  const uint64_t code_bytes = shape.code_bytes(), blocks = shape.in_blocks() ? reader_.bytes(lists_codes) / code_bytes : 0;
  for (uint32_t i = 0; i < lists_section_count; ++i) reader_.require_size(i, lists_section_bytes(shape, i, blocks));
  mean_.resize(shape.dims());
  index.centres.resize(shape.lists, shape.dims(), Owner::index);
  index.starts = reader_.take<uint32_t>(lists_starts);
  index.numbers = reader_.take<uint32_t>(lists_numbers);
  index.codes = reader_.take<uint8_t>(lists_codes, bytes_behind_codes);
  index.terms = reader_.take<float>(lists_terms);
  index.book.shape = shape.book();
  index.book.words = reader_.take<float>(lists_book);
  index.file_bytes = reader_.file_bytes();
  index.rows = std::move(rows);
  reader_.into(lists_mean, mean_.data());
  reader_.into(lists_centres, index.centres.codes.data());
  reader_.into(lists_centre_terms, index.centres.terms.data());
  reader_.give(index);
}

void ListsReader::check_shape(const Rows& rows) const {
  const ListsShape& s = index_->shape;
  const auto require = [&](bool good, const char* what) { reader_.require(good, what); };
  require(s.element <= ELANUS_BINARY && s.metric <= ELANUS_JACCARD && (s.element == ELANUS_BINARY) == is_of_bits((Metric)s.metric), "its metric is impossible");
  require(s.dimension >= 1 && s.dimension <= ELANUS_MAX_DIMENSION && (s.element != ELANUS_BINARY || s.dimension % 8 == 0), "its dimension is impossible");
  require(s.rows <= ELANUS_MAX_INDEX_ROWS && s.loose <= s.rows, "its rows are too many");
  require(s.lists <= ELANUS_MAX_LISTS && s.lists <= s.rows - s.loose && (s.lists > 0) == (s.rows > s.loose), "its lists are too many or too few");
  require(s.codes <= RowCodes::sign, "its codes are not known here");
  const bool book = s.codes == RowCodes::book || s.codes == RowCodes::nibble;
  require(book ? s.subspaces >= 1 && s.subspaces <= s.dims() && s.bits >= 1 && s.bits <= ELANUS_MAX_BOOK_BITS : !s.subspaces && !s.bits, "its codes are impossible");
  require(s.codes == RowCodes::none || s.element != ELANUS_BINARY, "its codes are impossible");
  require(s.codes != RowCodes::nibble || s.bits == 4, "its codes are impossible");
  require(std::isfinite(s.step) && s.step > 0 && std::isfinite(1 / s.step) && std::isfinite(s.longest) && s.longest >= 0 && std::isfinite(s.typical) && s.typical > 0,
          "its grid is impossible");
  require(!s.zero && s.dimension == rows.dimension() && s.element == (uint32_t)rows.element() && s.rows <= rows.count(), "it was built from rows of another kind or dimension, or of more rows");
  require(s.rows_check == check_of_rows(rows, s.rows), "it was built from other rows");
}

bool are_possible(const CodeTerms* terms, uint64_t count, uint32_t dims) {
  const int32_t most_sum = 127 * (int32_t)dims;
  bool good = true;
  for (uint64_t i = 0; i < count; ++i)
    good &= terms[i].norm >= 0 && terms[i].norm <= norm_of_no_place && terms[i].ratio >= 0 && terms[i].ratio <= most_ratio &&
            terms[i].sum >= -most_sum && terms[i].sum <= most_sum;
  return good;
}

bool are_possible(const float* values, uint64_t count) {
  bool good = true;
  for (uint64_t i = 0; i < count; ++i) good &= values[i] >= -most_term && values[i] <= most_term;
  return good;
}

// Numbers that will be addresses, or go into sums.
void ListsReader::check() {
  ListsIndex& index = *index_;
  const ListsShape& shape = index.shape;
  bool good = true;
  for (const float x : mean_) good &= std::isfinite(x);
  reader_.require_section(lists_mean, good);
  reader_.require_section(lists_centre_terms, are_possible(index.centres.terms.data(), shape.lists, shape.dims()));
  good = index.starts[0] == 0 && index.starts[shape.lists] == index.placed();
  for (uint32_t i = 0; i < shape.lists; ++i) good &= index.starts[i] <= index.starts[i + 1];
  reader_.require_section(lists_starts, good);
  std::vector<bool> seen(shape.rows);
  for (uint64_t i = 0; i < shape.rows && good; ++i) {
    good = index.numbers[i] < shape.rows && !seen[index.numbers[i]];
    if (good) seen[index.numbers[i]] = true;
  }
  reader_.require_section(lists_numbers, good);
  if (shape.in_blocks()) {
    index.blocks = blocks_of(index.starts.data(), shape.lists);
    reader_.require_size(lists_codes, index.blocks[shape.lists] * shape.code_bytes());
  }
  reader_.require_section(lists_terms, shape.codes == RowCodes::byte ? are_possible((const CodeTerms*)index.terms.data(), index.placed(), shape.dims())
                                                                     : are_possible(index.terms.data(), index.terms.size()));
  reader_.require_section(lists_book, are_possible(index.book.words.data(), index.book.words.size()));
  index.grid = Grid({shape.grid_metric(), shape.dimension, shape.step, shape.longest, shape.typical, shape.seed}, std::move(mean_));
}

}  // namespace

std::unique_ptr<IndexFileReader> open_lists_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) {
  return std::make_unique<ListsReader>(path, std::move(rows), mapped);
}

}  // namespace elanus
