#include "lists_file.h"
#include "section_index.h"

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

class ListsReader final : public SectionIndexReader<ListsIndex> {
 public:
  ListsReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);

 private:
  void check_shape() const;
  void check() override;

  std::vector<float> mean_;
};

ListsReader::ListsReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) : SectionIndexReader(path, lists_file_names, std::move(rows), mapped) {
  ListsIndex& index = *index_;
  check_shape();
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
  reader_.into(lists_mean, mean_.data());
  reader_.into(lists_centres, index.centres.codes.data());
  reader_.into(lists_centre_terms, index.centres.terms.data());
  reader_.give(index);
}

void ListsReader::check_shape() const {
  const ListsShape& s = index_->shape;
  require(s.element <= ELANUS_BINARY && s.metric <= ELANUS_JACCARD && (s.element == ELANUS_BINARY) == is_of_bits((Metric)s.metric), "its metric is impossible");
  require(s.dimension >= 1 && s.dimension <= ELANUS_MAX_DIMENSION && (s.element != ELANUS_BINARY || s.dimension % 8 == 0), "its dimension is impossible");
  require(s.rows <= ELANUS_MAX_INDEX_ROWS && s.loose <= s.rows, "its rows are too many");
  require(s.lists <= ELANUS_MAX_LISTS && s.lists <= s.rows - s.loose && (s.lists > 0) == (s.rows > s.loose), "its lists are too many or too few");
  require(s.codes <= RowCodes::sign, "its codes are not known here");
  const bool book = s.codes == RowCodes::book || s.codes == RowCodes::nibble;
  require(book ? s.subspaces >= 1 && s.subspaces <= s.dims() && s.bits >= 1 && s.bits <= ELANUS_MAX_BOOK_BITS : !s.subspaces && !s.bits, "its codes are impossible");
  require(s.codes == RowCodes::none || s.element != ELANUS_BINARY, "its codes are impossible");
  require(s.codes != RowCodes::nibble || s.bits == 4, "its codes are impossible");
  require(!s.zero, "its page is impossible");
  require_grid();
  require_own_rows();
}

void ListsReader::check() {
  ListsIndex& index = *index_;
  const ListsShape& shape = index.shape;
  require_mean(lists_mean, mean_);
  reader_.require_section(lists_centre_terms, are_possible(index.centres.terms.data(), shape.lists, shape.dims()));
  bool good = index.starts[0] == 0 && index.starts[shape.lists] == index.placed();
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
