#include "index_open.h"
#include "handles.h"
#include "index_file.h"

namespace elanus {

namespace {

class Open final : public Job {
 public:
  Open(const char* path, std::shared_ptr<Rows> rows, elanus_index* index, elanus_done done, void* context)
      : Job(done, context), path_(path), rows_(std::move(rows)), index_(index) {
    set_pieces(1);
  }

 protected:
  void work(uint64_t) override {
    if (reader_) more_ = reader_->read_some();
    else reader_ = std::make_unique<IndexReader>(path_, std::move(rows_));
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
  }

 private:
  const std::string path_;
  std::shared_ptr<Rows> rows_;
  elanus_index* const index_;
  std::unique_ptr<IndexReader> reader_;
  bool more_ = true;
};

}  // namespace

std::shared_ptr<Job> make_index_open(const char* path, elanus_rows rows, elanus_index* index, elanus_done done, void* context) {
  auto found = find_rows(rows);
  if (found->element() == Element::binary) fail(ELANUS_INVALID, "graphs are of rows of numbers");
  return std::make_shared<Open>(path, std::move(found), index, done, context);
}

}  // namespace elanus
