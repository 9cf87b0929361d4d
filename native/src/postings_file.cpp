#include "postings_file.h"
#include <algorithm>
#include <cmath>
#include "failure.h"

namespace elanus {

const SectionNames postings_file_names = {"ELANUSIP", 1, {"terms", "blocks", "postings"}};

namespace {

constexpr uint64_t postings_a_round = 1 << 22;

class PostingsReader final : public IndexFileReader {
 public:
  PostingsReader(const std::string& path, std::shared_ptr<Sparse> sparse, bool mapped) : reader_(path, postings_file_names, mapped) {
    PostingsIndex& index = *index_;
    index.shape = reader_.about<PostingsShape>();
    const PostingsShape& s = index.shape;
    reader_.require(!s.zero && s.rows <= ELANUS_NO_ROW && s.postings <= sparse->pair_count(), "its rows or postings are too many");
    reader_.require(s.rows <= sparse->count() && s.rows_check == check_of_sparse(*sparse, s.rows), "it was built from other rows");
    reader_.require_size(postings_terms, s.terms * sizeof(TermRecord));
    reader_.require_size(postings_blocks, s.blocks * sizeof(BlockRecord));
    index.terms = reader_.take<TermRecord>(postings_terms);
    index.blocks = reader_.take<BlockRecord>(postings_blocks);
    index.bytes = reader_.take<uint8_t>(postings_bytes, bytes_behind_postings);
    index.file_bytes = reader_.file_bytes();
    index.sparse = std::move(sparse);
    reader_.give(index);
  }

  bool read_some() override {
    if (reading_) {
      reading_ = reader_.read_some();
      if (!reading_) check_terms();
      return true;
    }
    return check_postings();
  }
  std::shared_ptr<OpenIndex> result() override { return std::move(index_); }

 private:
  void check_terms() const;
  bool check_postings();   // a few million; false when all are good

  SectionReader reader_;
  std::shared_ptr<PostingsIndex> index_ = std::make_shared<PostingsIndex>();
  bool reading_ = true;
  uint32_t term_ = 0;
};

// What leads to the blocks, and to their bytes.
void PostingsReader::check_terms() const {
  const PostingsIndex& index = *index_;
  bool good = true;
  uint64_t blocks = 0, postings = 0, at = 0;
  for (size_t i = 0; i < index.terms.size(); ++i) {
    const TermRecord& term = index.terms[i];
    good &= term.index != 0xffffffffu && (!i || term.index > index.terms[i - 1].index);
    good &= term.count >= 1 && term.count <= index.shape.rows && std::isfinite(term.top) && term.top != 0 && term.first_block == blocks;
    blocks += term.blocks();
    postings += term.count;
    good &= blocks <= index.blocks.size();
    if (!good) break;
  }
  reader_.require_section(postings_terms, good && blocks == index.blocks.size() && postings == index.shape.postings);
  for (size_t i = 0; i < index.terms.size() && good; ++i) {
    const TermRecord& term = index.terms[i];
    for (uint32_t b = term.first_block; b < term.first_block + term.blocks() && good; ++b) {
      const BlockRecord& block = index.blocks[b];
      good = block.at() == at && (block.bits <= most_packed_bits || block.bits == 32) && block.last < index.shape.rows;
      at += bytes_of_differences(block.bits, index.rows_of(term, b)) + index.rows_of(term, b);
    }
  }
  reader_.require_section(postings_blocks, good);
  reader_.require_size(postings_bytes, at);
}

bool PostingsReader::check_postings() {
  const PostingsIndex& index = *index_;
  uint32_t rows[block_postings + 8];
  for (uint64_t done = 0; term_ < index.terms.size() && done < postings_a_round; ++term_) {
    const TermRecord& term = index.terms[term_];
    int64_t before = -1;
    bool good = true;
    for (uint32_t b = term.first_block; b < term.first_block + term.blocks(); ++b) {
      const uint32_t count = index.rows_of(term, b);
      const uint8_t* codes = index.unpack(term, b, rows);
      uint8_t most = 0;
      for (uint32_t i = 0; i < count; ++i) {
        good &= rows[i] > before;
        before = rows[i];
        most = std::max(most, codes[i]);
      }
      good &= before == index.blocks[b].last && most == index.blocks[b].most && most > 0;
    }
    reader_.require_section(postings_bytes, good);
    done += term.count;
  }
  return term_ < index.terms.size();
}

}  // namespace

std::unique_ptr<IndexFileReader> open_postings_file(const std::string& path, std::shared_ptr<Sparse> sparse, bool mapped) {
  return std::make_unique<PostingsReader>(path, std::move(sparse), mapped);
}

}  // namespace elanus
