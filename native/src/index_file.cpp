#include "index_file.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <numeric>
#include "../include/elanus_index.h"
#include "failure.h"
#include "twins.h"

namespace elanus {

namespace {

constexpr char magic[] = "ELANUSIX";
constexpr uint32_t version = 2;
constexpr uint32_t first_layout = 1;   // in files, layouts count from 1
constexpr uint64_t part_bytes = 4 << 20;
constexpr uint64_t checked_rows = 64;
constexpr float most_ratio = 1e6f;

IndexLayout layout_of(const IndexHeader& h) { return (IndexLayout)(h.layout - first_layout); }

uint64_t list_bytes(const IndexHeader& h, uint64_t dims) {
  if (layout_of(h) == IndexLayout::lean) return h.degree * sizeof(uint32_t);
  return block_bytes(slots_of(IndexLayout::packed, h.degree), (uint32_t)dims);
}

uint64_t on_page(uint64_t at) { return (at + file_page - 1) / file_page * file_page; }

// What the header must say of its sections, whatever it does say.
void plan_sections(IndexHeader& h, bool twins) {
  const uint64_t dims = Grid::dims_of((Metric)h.metric, h.dimension);
  const uint64_t bytes[section_count] = {dims * sizeof(float), h.rows * dims, h.rows * sizeof(CodeTerms), h.rows * list_bytes(h, dims),
                                         twins ? h.rows * sizeof(uint32_t) : 0, h.cluster_count * dims, h.cluster_count * sizeof(CodeTerms),
                                         h.cluster_count * sizeof(ClusterShape), h.cluster_count ? h.rows * sizeof(uint32_t) : 0};
  uint64_t at = file_page;
  for (uint32_t i = 0; i < section_count; ++i) {
    h.sections[i].kind = i == list_section && layout_of(h) == IndexLayout::packed ? block_kind : i + (i >= block_kind);
    h.sections[i].offset = at;
    h.sections[i].bytes = bytes[i];
    at = on_page(at + bytes[i]);
  }
}

uint64_t end_of(const IndexHeader& h) { return on_page(h.sections[member_section].offset + h.sections[member_section].bytes); }

}  // namespace

uint32_t check_of_rows(const Rows& rows, uint64_t row_count) {
  const uint64_t count = std::min(row_count, checked_rows);
  uint32_t crc = 0;
  uint64_t run;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t row = count < 2 ? 0 : (uint64_t)((unsigned __int128)i * (row_count - 1) / (count - 1));
    crc = table().graph.crc32c(crc, rows.at(row, &run), rows.row_bytes());
  }
  return crc;
}

// ----------------------------------------------------------------------------------------------------------------- writing

IndexWriter::IndexWriter(std::string path, IndexLayout layout, const Graph& graph, const Grid& grid, const RowClusters& clusters, uint32_t zero_row, uint32_t rows_check)
    : file_(std::move(path)), graph_(graph), grid_(grid), clusters_(clusters) {
  const GridState& state = grid.state();
  std::memcpy(header_.magic, magic, sizeof header_.magic);
  header_.version = version;
  header_.layout = first_layout + (uint32_t)layout;
  header_.metric = (uint32_t)state.metric;
  header_.dimension = state.dimension;
  header_.degree = graph.degree();
  header_.beam = graph.beam();
  header_.rows = graph.rows();
  header_.graph_rows = graph.order.size();
  header_.seed = state.seed;
  header_.step = state.step;
  header_.longest = state.longest;
  header_.typical = state.typical;
  header_.zero_row = zero_row;
  header_.rows_check = rows_check;
  header_.entry_count = (uint32_t)graph.entries.size();
  std::copy(graph.entries.begin(), graph.entries.end(), header_.entries);
  header_.cluster_count = clusters.count();
  plan_sections(header_, !graph.next_twin.empty());
  end_ = end_of(header_);
}

uint64_t IndexWriter::rows_of_section() const {
  switch (section_) {
    case mean_section: return 1;
    case centre_section:
    case centre_term_section:
    case shape_section: return header_.cluster_count;
    default: return header_.rows;
  }
}

uint64_t IndexWriter::end_of_part() const {
  const uint64_t rows = rows_of_section(), row_bytes = rows ? header_.sections[section_].bytes / rows : 0;
  return row_bytes ? std::min(rows, row_ + std::max<uint64_t>(1, part_bytes / row_bytes)) : rows;
}

bool IndexWriter::write_some(const uint8_t* blocks) {
  if (section_ == section_count) {
    finish();
    return false;
  }
  SectionEntry& section = header_.sections[section_];
  const uint64_t rows = rows_of_section(), row_bytes = rows ? section.bytes / rows : 0, last = end_of_part();
  if (row_bytes) write_rows(section, row_, last, blocks);
  row_ = last;
  at_ = section.offset + row_ * row_bytes;
  if (row_ == rows) {
    ++section_;
    row_ = 0;
  }
  return true;
}

void IndexWriter::write_rows(SectionEntry& section, uint64_t first, uint64_t last, const uint8_t* blocks) {
  const void* from = nullptr;
  const uint64_t row_bytes = section.bytes / rows_of_section();
  switch (section_) {
    case mean_section: from = grid_.mean().data(); break;
    case code_section: from = graph_.codes.data() + first * row_bytes; break;
    case term_section: from = graph_.terms.data() + first; break;
    case twin_section: from = graph_.next_twin.data() + first; break;
    case centre_section: from = clusters_.centres.codes.data() + first * row_bytes; break;
    case centre_term_section: from = clusters_.centres.terms.data() + first; break;
    case shape_section: from = clusters_.shapes.data() + first; break;
    case member_section: from = clusters_.members.data() + first; break;
    case list_section:
      from = blocks;
      if (wants_blocks()) break;
      buffer_.assign((last - first) * header_.degree, no_row);
      for (uint64_t row = first; row < last; ++row)
        std::copy_n(graph_.list((uint32_t)row), graph_.degree_of((uint32_t)row), buffer_.data() + (row - first) * header_.degree);
      from = buffer_.data();
  }
  section.crc = table().graph.crc32c(section.crc, from, (last - first) * row_bytes);
  file_.write(from, (last - first) * row_bytes, section.offset + first * row_bytes);
}

void IndexWriter::finish() {
  unsigned char page[file_page] = {};
  std::memcpy(page, &header_, sizeof header_);
  const uint32_t crc = table().graph.crc32c(0, page, file_page - sizeof crc);
  std::memcpy(page + file_page - sizeof crc, &crc, sizeof crc);
  file_.write(page, file_page, 0);
  file_.finish(end_);
}

// ----------------------------------------------------------------------------------------------------------------- reading

// In memory that will be read into, or where it is mapped.
template <class T> Buffer<T> IndexReader::take(uint32_t section) const {
  const SectionEntry& entry = header_.sections[section];
  if (!mapping_) return Buffer<T>(entry.bytes / sizeof(T), Owner::index);
  index_->mapped_bytes += entry.bytes;
  return Buffer<T>::view((T*)mapping_->at(entry.offset), entry.bytes / sizeof(T));
}

IndexReader::IndexReader(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) : path_(path), index_(std::make_shared<Index>()) {
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) fail(ELANUS_FILE, "cannot open %.180s: %s", path.c_str(), std::strerror(errno));
  try {
    struct stat status {};
    if (fstat(file_, &status)) fail(ELANUS_FILE, "cannot ask about %.180s: %s", path.c_str(), std::strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_size < (off_t)file_page) fail(ELANUS_FILE, "%.180s is no index file: it is too short", path.c_str());
    unsigned char page[file_page];
    read(page, file_page, 0);
    uint32_t crc;
    std::memcpy(&crc, page + file_page - sizeof crc, sizeof crc);
    std::memcpy(&header_, page, sizeof header_);
    if (std::memcmp(header_.magic, magic, sizeof header_.magic)) fail(ELANUS_FILE, "%.180s is no index file", path.c_str());
    if (crc != table().graph.crc32c(0, page, file_page - sizeof crc)) fail(ELANUS_FILE, "the header of %.180s is damaged", path.c_str());
    check_header((uint64_t)status.st_size, *rows);
    const uint64_t count = header_.rows;
    const bool twins = header_.sections[twin_section].bytes != 0;
    index_->layout = layout_of(header_);
    index_->degree = header_.degree;
    index_->beam = header_.beam;
    index_->row_count = (uint32_t)count;
    index_->graph_row_count = (uint32_t)header_.graph_rows;
    index_->zero_row = header_.zero_row;
    index_->file_bytes = (uint64_t)status.st_size;
    index_->entries.assign(header_.entries, header_.entries + header_.entry_count);
    index_->rows = std::move(rows);
    if (mapped) mapping_ = std::make_shared<FileMapping>(file_, index_->file_bytes, path.c_str());
    index_->mapping = mapping_;
    const uint32_t dims = Grid::dims_of((Metric)header_.metric, header_.dimension);
    mean_.resize(dims);
    index_->stride = index_->degree;
    index_->codes = take<int8_t>(code_section);
    index_->terms = take<CodeTerms>(term_section);
    if (index_->layout == IndexLayout::lean) index_->lists = take<uint32_t>(list_section);
    else index_->blocks = take<uint8_t>(list_section);
    index_->rows_of_degree.resize(index_->slots() + 1);
    if (twins) index_->next_twin = take<uint32_t>(twin_section);
    RowClusters& clusters = index_->clusters;
    clusters.centres.all.resize(header_.cluster_count);
    std::iota(clusters.centres.all.begin(), clusters.centres.all.end(), 0);
    clusters.centres.dims = dims;
    clusters.centres.codes = take<int8_t>(centre_section);
    clusters.centres.terms = take<CodeTerms>(centre_term_section);
    clusters.shapes = take<ClusterShape>(shape_section);
    clusters.members = take<uint32_t>(member_section);
  } catch (...) {
    ::close(file_);
    throw;
  }
}

IndexReader::~IndexReader() { ::close(file_); }

void IndexReader::read(void* to, uint64_t count, uint64_t offset) {
  for (uint64_t done = 0; done < count;) {
    const ssize_t some = pread(file_, (char*)to + done, count - done, (off_t)(offset + done));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) fail(ELANUS_FILE, "cannot read %.180s: %s", path_.c_str(), std::strerror(errno));
    if (!some) fail(ELANUS_FILE, "%.180s has become shorter", path_.c_str());
    done += (uint64_t)some;
  }
}

void IndexReader::check_header(uint64_t file_bytes, const Rows& rows) {
  const IndexHeader& h = header_;
  auto require = [&](bool good, const char* what) {
    if (!good) fail(ELANUS_FILE, "%.140s cannot be used: %s", path_.c_str(), what);
  };
  require(h.version >= version, "it was built by an older version, without clusters of rows: build the index again");
  require(h.version == version && h.layout >= first_layout && h.layout <= first_layout + ELANUS_PACKED, "its version or layout is not known here");
  require(h.metric <= ELANUS_COSINE && h.dimension >= 1 && h.dimension <= ELANUS_MAX_DIMENSION, "its metric or dimension is impossible");
  require(h.degree >= ELANUS_MIN_DEGREE && h.degree <= ELANUS_MAX_DEGREE, "its degree is impossible");
  require(h.rows <= ELANUS_MAX_INDEX_ROWS && h.graph_rows <= h.rows, "its rows are too many");
  require(std::isfinite(h.step) && h.step > 0 && std::isfinite(1 / h.step) && std::isfinite(h.longest) && h.longest >= 0 && std::isfinite(h.typical) && h.typical > 0,
          "its grid is impossible");
  require(h.zero_row == no_row || h.zero_row < h.rows, "its row without direction does not exist");
  require(h.entry_count <= most_entries && (h.entry_count > 0) == (h.graph_rows > 0), "its entries are too many or too few");
  for (uint32_t i = 0; i < h.entry_count; ++i) require(h.entries[i] < h.rows, "an entry does not exist");
  require(h.cluster_count <= h.rows, "its clusters are too many");
  IndexHeader planned = h;
  plan_sections(planned, h.sections[twin_section].bytes != 0);
  for (uint32_t i = 0; i < section_count; ++i) {
    const SectionEntry &is = h.sections[i], &should = planned.sections[i];
    require(is.kind == should.kind && is.offset == should.offset && is.bytes == should.bytes, "a section has not its size or place");
  }
  require(file_bytes == end_of(h), "it has not its size");
  require(h.dimension == rows.dimension() && h.rows <= rows.count(), "it was built from rows of another dimension, or of more rows");
  require(h.rows_check == check_of_rows(rows, h.rows), "it was built from other rows");
}

void* IndexReader::section_memory() {
  switch (section_) {
    case mean_section: return mean_.data();
    case code_section: return index_->codes.data();
    case term_section: return index_->terms.data();
    case list_section: return index_->layout == IndexLayout::lean ? (void*)index_->lists.data() : index_->blocks.data();
    case centre_section: return index_->clusters.centres.codes.data();
    case centre_term_section: return index_->clusters.centres.terms.data();
    case shape_section: return index_->clusters.shapes.data();
    case member_section: return index_->clusters.members.data();
    default: return index_->next_twin.data();
  }
}

// They are in no file, since codes and terms say all that they are made of.
bool IndexReader::sketch_some() {
  // A packed graph is mapped for want of memory, and its walks need none.
  if (sketched_ == index_->row_count || (mapping_ && index_->layout == IndexLayout::packed)) return false;
  const CodeRows rows = index_->code_rows();
  const size_t bytes = sketch_bytes(rows.dims);
  if (!sketched_) index_->sketches = Buffer<uint8_t>(index_->row_count * bytes, Owner::index);
  const uint32_t first = sketched_;
  sketched_ += (uint32_t)std::min<uint64_t>(index_->row_count - first, std::max<uint64_t>(1, part_bytes / rows.dims));
  table().graph.sketch(&rows, first, sketched_, index_->sketches.data() + first * bytes);
  return sketched_ < index_->row_count;
}

bool IndexReader::read_some() {
  if (section_ == section_count) return sketch_some();
  const SectionEntry& section = header_.sections[section_];
  const uint64_t element = section.kind == block_kind ? list_bytes(header_, Grid::dims_of((Metric)header_.metric, header_.dimension)) : 192;
  const uint64_t some = std::min(section.bytes - done_, part_bytes / element * element);   // whole elements
  char* to = (char*)section_memory() + done_;
  if (!mapping_ || section_ == mean_section) read(to, some, section.offset + done_);
  crc_ = table().graph.crc32c(crc_, to, some);
  check_part(done_, some);
  done_ += some;
  if (done_ < section.bytes) return true;
  if (crc_ != section.crc) fail(ELANUS_FILE, "section %u of %.160s is damaged", section_, path_.c_str());
  done_ = crc_ = 0;
  if (++section_ < section_count) return true;
  index_->grid = Grid({(Metric)header_.metric, header_.dimension, header_.step, header_.longest, header_.typical, header_.seed}, std::move(mean_));
  index_->twin_heads = twin_heads(index_->next_twin);
  return true;
}

// An estimate of a neighbour that there is not must be +inf, so that it is never taken.
bool IndexReader::good_block(const uint8_t* block) {
  const uint32_t slots = index_->slots(), dims = Grid::dims_of((Metric)header_.metric, header_.dimension);
  constexpr uint16_t exponent = 0x7f80;   // of a bfloat16; alone: +inf
  bool good = true;
  uint32_t neighbours = 0;
  for (uint32_t e = 0; e < slots; ++e) {
    const uint8_t* group = block + slots * sizeof(uint32_t) + e / group_edges * group_bytes(dims) + e % group_edges * sizeof(uint16_t);
    uint32_t neighbour;
    uint16_t base, slope;
    std::memcpy(&neighbour, block + e * sizeof neighbour, sizeof neighbour);
    std::memcpy(&base, group, sizeof base);
    std::memcpy(&slope, group + group_edges * sizeof base, sizeof slope);
    if (neighbour == no_row) {
      good &= base == exponent && slope == 0;
    } else {
      good &= neighbour < header_.rows && (base & exponent) != exponent && (slope & exponent) != exponent;
      ++neighbours;
    }
  }
  ++index_->rows_of_degree[neighbours];
  return good;
}

bool IndexReader::good_terms(const CodeTerms* terms, uint64_t count) const {
  const int32_t most_sum = 127 * (int32_t)Grid::dims_of((Metric)header_.metric, header_.dimension);
  bool good = true;
  for (uint64_t i = 0; i < count; ++i)
    good &= terms[i].norm >= 0 && terms[i].norm <= norm_of_no_place && terms[i].ratio >= 0 && terms[i].ratio <= most_ratio && terms[i].sum >= -most_sum &&
            terms[i].sum <= most_sum;
  return good;
}

bool IndexReader::good_shapes(uint64_t first, uint64_t count) const {
  const Buffer<ClusterShape>& shapes = index_->clusters.shapes;
  bool good = !count || shapes[0].first == 0;
  for (uint64_t i = first; i < first + count; ++i) {
    const ClusterShape& shape = shapes[i];
    good &= std::isfinite(shape.mean) && shape.mean >= 0 && std::isfinite(shape.deviation) && shape.deviation >= 0 && shape.first <= header_.rows &&
            (!i || shapes[i - 1].first <= shape.first);
  }
  return good;
}

bool IndexReader::good_members(uint64_t first, uint64_t count) {
  members_.resize(header_.rows);
  for (uint64_t i = first; i < first + count; ++i) {
    const uint32_t row = index_->clusters.members[i];
    if (row >= header_.rows || members_[row]) return false;
    members_[row] = true;
  }
  return true;
}

// Numbers that will be addresses, or go into sums of 32 bits.
void IndexReader::check_part(uint64_t first, uint64_t count) {
  bool good = true;
  const uint64_t rows = header_.rows;
  const uint32_t dims = Grid::dims_of((Metric)header_.metric, header_.dimension);
  if (section_ == mean_section) {
    for (const float x : mean_) good &= std::isfinite(x);
  } else if (section_ == term_section) {
    good = good_terms(index_->terms.data() + first / sizeof(CodeTerms), count / sizeof(CodeTerms));
  } else if (section_ == centre_term_section) {
    good = good_terms(index_->clusters.centres.terms.data() + first / sizeof(CodeTerms), count / sizeof(CodeTerms));
  } else if (section_ == shape_section) {
    good = good_shapes(first / sizeof(ClusterShape), count / sizeof(ClusterShape));
  } else if (section_ == member_section) {
    good = good_members(first / sizeof(uint32_t), count / sizeof(uint32_t));
  } else if (section_ == list_section && index_->layout == IndexLayout::packed) {
    const uint64_t bytes = list_bytes(header_, dims);
    for (uint64_t i = 0; i < count; i += bytes) good &= good_block(index_->blocks.data() + first + i);
  } else if (section_ == list_section) {
    const uint32_t* list = index_->lists.data() + first / sizeof *list;
    for (uint64_t i = 0; i < count / sizeof *list; ++i) {
      good &= list[i] < rows || list[i] == no_row;
      neighbours_ += list[i] != no_row;
      if (++slot_ < header_.degree) continue;
      ++index_->rows_of_degree[neighbours_];
      slot_ = neighbours_ = 0;
    }
  } else if (section_ == twin_section) {
    const uint32_t* next = index_->next_twin.data() + first / sizeof *next;
    for (uint64_t i = 0; i < count / sizeof *next; ++i) good &= next[i] == no_row || (next[i] < rows && next[i] > first / sizeof *next + i);
  }
  if (!good) fail(ELANUS_FILE, "section %u of %.140s holds an impossible number", section_, path_.c_str());
}

}  // namespace elanus
