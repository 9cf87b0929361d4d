#include "bands_file.h"
#include "section_index.h"

namespace elanus {

const SectionNames bands_file_names = {"ELANUSIB", 1, {"keys", "numbers"}};

uint64_t bands_section_bytes(const BandsShape& shape) { return shape.rows * shape.bands * sizeof(uint32_t); }

namespace {

class BandsReader final : public SectionIndexReader<BandsIndex> {
 public:
  BandsReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);

 private:
  void check_shape() const;
  void check() override;
};

BandsReader::BandsReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) : SectionIndexReader(path, bands_file_names, std::move(rows), mapped) {
  BandsIndex& index = *index_;
  check_shape();
  for (uint32_t i = 0; i < bands_section_count; ++i) reader_.require_size(i, bands_section_bytes(index.shape));
  index.keys = reader_.take<uint32_t>(bands_keys);
  index.numbers = reader_.take<uint32_t>(bands_numbers);
  reader_.give(index);
}

void BandsReader::check_shape() const {
  const BandsShape& s = index_->shape;
  require(s.element == ELANUS_BINARY && s.metric == ELANUS_MHJACCARD, "its metric is impossible");
  require(s.hash_bits == 8 || s.hash_bits == 16 || s.hash_bits == 32 || s.hash_bits == 64, "its hashes are impossible");
  require(s.dimension % s.hash_bits == 0, "its dimension is impossible");
  require(s.bands >= 1 && s.bands <= s.hashes(), "its bands are too many or too few");
  require_own_rows();
}

void BandsReader::check() {
  const BandsIndex& index = *index_;
  const uint64_t rows = index.shape.rows;
  bool good = true;
  for (uint32_t band = 0; band < index.shape.bands; ++band)
    for (uint64_t i = 1; i < rows; ++i) good &= index.keys_of(band)[i - 1] <= index.keys_of(band)[i];
  reader_.require_section(bands_keys, good);
  std::vector<bool> seen(rows);
  for (uint32_t band = 0; band < index.shape.bands && good; ++band) {
    // A bit that is set stands for "seen" in even bands, and for "not yet seen" in odd ones.
    const bool mark = band % 2 == 0;
    for (uint64_t i = 0; i < rows && good; ++i) {
      const uint32_t row = index.numbers_of(band)[i];
      good = row < rows && seen[row] != mark;
      if (good) seen[row] = mark;
    }
  }
  reader_.require_section(bands_numbers, good);
}

}  // namespace

std::unique_ptr<IndexFileReader> open_bands_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) {
  return std::make_unique<BandsReader>(path, std::move(rows), mapped);
}

}  // namespace elanus
