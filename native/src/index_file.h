// The index file: a page of header, then sections, each on a page of its own.
//
//      0  magic      "ELANUSIX"
//      8  version    u32 = 2          12  layout     u32: 1 lean, 2 packed
//     16  metric     u32              20  dimension  u32
//     24  degree     u32              28  beam       u32
//     32  rows       u64              40  rows in the graph u64
//     48  seed       u64              56  step       f32
//     60  longest    f32              64  typical    f32
//     68  zero row   u32, the least row without direction (COSINE), or no_row
//     72  check of some raw rows u32  76  entry count u32
//     80  entries    16 x u32
//    144  sections   9 x { kind u32, crc32c u32, offset u64, bytes u64 }, in this order: 0, 1, 2, 3 or 5, 4, 6, 7, 8, 9
//    360  clusters   u32             364  zeros
//   4092  crc32c of bytes 0 .. 4091
//   4096  0 mean f32 | 1 codes i8, rows x dims | 2 terms, rows x {norm f32, ratio f32, Σc i32}
//         | 3 lists u32, rows x degree, or 5 blocks (simd/blocks.h) | 4 next twin u32, rows or none
//         | 6 centres i8, clusters x dims | 7 their terms, as 2 | 8 shapes, clusters x {mean f32, deviation f32, first u32}
//         | 9 members u32, rows (row_clusters.h); no rows on the grid: no clusters and no members
//
// Little-endian; zeros between a section and the next page. Every size follows from rows, dimension, degree, metric and layout, but that of
// twins, which is all or nothing.
//
// Always true: a file has its name only when it is whole and flushed. A reader believes nothing: sizes, checksums and every number
// that will be an address are checked, each before its use.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include "graph.h"
#include "grid.h"
#include "index.h"
#include "unfinished_file.h"

namespace elanus {

constexpr uint64_t file_page = 4096;
// Places of sections. Lists and blocks have one place, and a kind each: so kinds are places up to there, and one more behind.
enum Section : uint32_t {
  mean_section,
  code_section,
  term_section,
  list_section,
  twin_section,
  centre_section,
  centre_term_section,
  shape_section,
  member_section,
  section_count
};
constexpr uint32_t block_kind = 5;

struct SectionEntry {
  uint32_t kind, crc;
  uint64_t offset, bytes;
};

struct IndexHeader {
  char magic[8];
  uint32_t version, layout, metric, dimension, degree, beam;
  uint64_t rows, graph_rows, seed;
  float step, longest, typical;
  uint32_t zero_row, rows_check, entry_count, entries[most_entries];
  SectionEntry sections[section_count];
  uint32_t cluster_count, zero;
};
static_assert(sizeof(IndexHeader) == 368);

// A checksum of some rows, so that an index is not used beside other rows than its own.
uint32_t check_of_rows(const Rows& rows, uint64_t row_count);

class IndexWriter {
 public:
  IndexWriter(std::string path, IndexLayout layout, const Graph& graph, const Grid& grid, const RowClusters& clusters, uint32_t zero_row, uint32_t rows_check);

  // Whether blocks are written next, and of which rows.
  bool wants_blocks() const { return section_ == list_section && header_.sections[list_section].kind == block_kind; }
  std::pair<uint64_t, uint64_t> next_blocks() const { return {row_, end_of_part()}; }
  // A few megabytes, `blocks` among them if they are wanted; false when the file is whole and has its name. Throws Failure.
  bool write_some(const uint8_t* blocks);
  double share() const { return (double)at_ / end_; }

 private:
  uint64_t rows_of_section() const;   // or clusters, or whatever the section counts
  uint64_t end_of_part() const;   // the row behind the last of the next part
  void write_rows(SectionEntry& section, uint64_t first, uint64_t last, const uint8_t* blocks);
  void finish();

  UnfinishedFile file_;
  const Graph& graph_;
  const Grid& grid_;
  const RowClusters& clusters_;
  IndexHeader header_ = {};
  uint32_t section_ = 0;
  uint64_t row_ = 0, at_ = file_page, end_ = file_page;
  std::vector<uint32_t> buffer_;
};

class IndexReader final : public IndexFileReader {
 public:
  IndexReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped);   // reads the header; throws Failure
  ~IndexReader() override;
  IndexReader(const IndexReader&) = delete;
  IndexReader& operator=(const IndexReader&) = delete;

  bool read_some() override;
  std::shared_ptr<OpenIndex> result() override { return std::move(index_); }

 private:
  void read(void* to, uint64_t count, uint64_t offset);
  void check_header(uint64_t file_bytes, const Rows& rows);
  void check_part(uint64_t first, uint64_t count);
  bool good_block(const uint8_t* block);
  bool good_terms(const CodeTerms* terms, uint64_t count) const;
  bool good_shapes(uint64_t first, uint64_t count) const;
  bool good_members(uint64_t first, uint64_t count);
  template <class T> Buffer<T> take(uint32_t section) const;
  void* section_memory();
  bool sketch_some();

  const std::string path_;
  int file_ = -1;
  IndexHeader header_;
  std::shared_ptr<Index> index_;
  std::shared_ptr<const FileMapping> mapping_;
  std::vector<float> mean_;
  uint32_t section_ = 0, crc_ = 0;
  uint64_t done_ = 0;   // bytes of the section
  uint32_t slot_ = 0, neighbours_ = 0;   // of the list that is being read
  uint32_t sketched_ = 0;
  std::vector<bool> members_;            // rows that were in a cluster so far
};

}  // namespace elanus
