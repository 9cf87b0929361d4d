#include "index_open.h"
#include "bands_file.h"
#include "handles.h"
#include "index_file.h"
#include "lists_file.h"
#include "postings_file.h"
#include "slim_file.h"

namespace elanus {

namespace {

// By the first bytes of the file; what is none of ours is refused by the reader of graphs.
std::unique_ptr<IndexFileReader> open_file(const std::string& path, std::shared_ptr<Rows> rows, bool mapped) {
  char magic[8] = {};
  if (FILE* file = std::fopen(path.c_str(), "rbe")) {
    if (std::fread(magic, 1, sizeof magic, file) != sizeof magic) magic[0] = 0;
    std::fclose(file);
  }
  if (!std::memcmp(magic, slim_file_names.magic, sizeof magic)) return open_slim_file(path, std::move(rows), mapped);
  if (!std::memcmp(magic, bands_file_names.magic, sizeof magic)) return open_bands_file(path, std::move(rows), mapped);
  if (!std::memcmp(magic, lists_file_names.magic, sizeof magic)) return open_lists_file(path, std::move(rows), mapped);
  if (rows->element() == Element::binary) fail(ELANUS_FILE, "%.200s is no index of binary rows", path.c_str());
  return std::make_unique<IndexReader>(path, std::move(rows), mapped);
}

class Open final : public Job {
 public:
  Open(const char* path, std::shared_ptr<Rows> rows, std::shared_ptr<Sparse> sparse, bool mapped, elanus_index* index, elanus_done done, void* context)
      : Job(done, context), path_(path), rows_(std::move(rows)), sparse_(std::move(sparse)), mapped_(mapped), index_(index) {
    set_pieces(1);
  }

 protected:
  void work(uint64_t) override {
    if (reader_) more_ = reader_->read_some();
    else if (sparse_) reader_ = open_postings_file(path_, std::move(sparse_), mapped_);
    else reader_ = open_file(path_, std::move(rows_), mapped_);
  }
  Round settle(uint64_t* pieces) override {
    *pieces = 1;
    if (more_) return Round::again;
    *index_ = open_handle(reader_->result());
    return Round::complete;
  }
  void let_go() override {
    reader_.reset();
    rows_.reset();
    sparse_.reset();
  }

 private:
  const std::string path_;
  std::shared_ptr<Rows> rows_;        // or
  std::shared_ptr<Sparse> sparse_;
  const bool mapped_;
  elanus_index* const index_;
  std::unique_ptr<IndexFileReader> reader_;
  bool more_ = true;
};

}  // namespace

std::shared_ptr<Job> make_index_open(const char* path, elanus_rows rows, uint32_t how, elanus_index* index, elanus_done done, void* context) {
  if (how > ELANUS_MAP) fail(ELANUS_INVALID, "%u is no way to open an index", how);
  auto sparse = sparse_of(rows);
  auto dense = sparse ? nullptr : find_rows(rows);
  return std::make_shared<Open>(path, std::move(dense), std::move(sparse), how == ELANUS_MAP, index, done, context);
}

}  // namespace elanus
