// The readers of indexes whose file is one of sections: what they begin and end with.
//
// Always true: an index is given away only when all of its file was read and its checksums and numbers were found good; its rows are those
// that it was built from, as far as a look at some of them tells.
#pragma once
#include <cmath>
#include "index_file.h"
#include "section_file.h"

namespace elanus {

// `I` has a `shape` of plain numbers, with metric, dimension, element, rows and rows_check among them, and `file_bytes`.
template <class I> class SectionIndexReader : public IndexFileReader {
 public:
  bool read_some() final {
    if (reader_.read_some()) return true;
    check();
    return false;
  }
  std::shared_ptr<OpenIndex> result() final { return std::move(index_); }

 protected:
  using Shape = decltype(I::shape);

  SectionIndexReader(const std::string& path, const SectionNames& names, std::shared_ptr<Rows> rows, bool mapped) : reader_(path, names, mapped) {
    index_->shape = reader_.template about<Shape>();
    index_->file_bytes = reader_.file_bytes();
    index_->rows = std::move(rows);
  }

  // Numbers that will be addresses, or go into sums.
  virtual void check() = 0;

  void require(bool good, const char* what) const { reader_.require(good, what); }
  // Of the shape; before memory is taken by it.
  void require_own_rows() const {
    const Shape& s = index_->shape;
    const Rows& rows = *index_->rows;
    require(s.dimension >= 1 && s.dimension <= ELANUS_MAX_BINARY_DIMENSION, "its dimension is impossible");
    require(s.rows <= ELANUS_MAX_INDEX_ROWS, "its rows are too many");
    require(s.dimension == rows.dimension() && s.element == (uint32_t)rows.element() && s.rows <= rows.count(), "it was built from rows of another kind or dimension, or of more rows");
    require(s.rows_check == check_of_rows(rows, s.rows), "it was built from other rows");
  }
  void require_grid() const {
    const Shape& s = index_->shape;
    require(std::isfinite(s.step) && s.step > 0 && std::isfinite(1 / s.step) && std::isfinite(s.longest) && s.longest >= 0 && std::isfinite(s.typical) && s.typical > 0,
            "its grid is impossible");
  }
  void require_mean(uint32_t section, const std::vector<float>& mean) const {
    bool good = true;
    for (const float x : mean) good &= std::isfinite(x);
    reader_.require_section(section, good);
  }
  // Of numbers that are added up.
  static bool are_possible(const float* values, uint64_t count) {
    constexpr float most = 1e30f;
    bool good = true;
    for (uint64_t i = 0; i < count; ++i) good &= values[i] >= -most && values[i] <= most;
    return good;
  }
  static bool are_possible(const CodeTerms* terms, uint64_t count, uint32_t dims) {
    constexpr float most_ratio = 1e6f;
    const int32_t most_sum = 127 * (int32_t)dims;
    bool good = true;
    for (uint64_t i = 0; i < count; ++i)
      good &= terms[i].norm >= 0 && terms[i].norm <= norm_of_no_place && terms[i].ratio >= 0 && terms[i].ratio <= most_ratio && terms[i].sum >= -most_sum &&
              terms[i].sum <= most_sum;
    return good;
  }

  SectionReader reader_;
  std::shared_ptr<I> index_ = std::make_shared<I>();
};

}  // namespace elanus
