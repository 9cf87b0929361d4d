#include "postings.h"
#include <algorithm>
#include "dispatch.h"

namespace elanus {

const TermRecord* PostingsIndex::term(uint32_t index) const {
  const TermRecord *first = terms.data(), *end = first + terms.size();
  const TermRecord* found = std::lower_bound(first, end, index, [](const TermRecord& term, uint32_t wanted) { return term.index < wanted; });
  return found != end && found->index == index ? found : nullptr;
}

const uint8_t* PostingsIndex::unpack(const TermRecord& term, uint32_t block, uint32_t* rows) const {
  const BlockRecord& record = blocks[block];
  const uint32_t count = rows_of(term, block), before = block == term.first_block ? ~0u : blocks[block - 1].last;
  const uint8_t* at = bytes.data() + record.at();
  table().unpack_rows(at, record.bits, count, before, rows);
  return at + bytes_of_differences(record.bits, count);
}

uint32_t check_of_sparse(const Sparse& sparse, uint64_t row_count) {
  constexpr uint64_t checked_rows = 64;
  const uint64_t count = std::min(row_count, checked_rows);
  uint32_t crc = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const Sparse::Row& row = sparse.row(count < 2 ? 0 : (uint64_t)((unsigned __int128)i * (row_count - 1) / (count - 1)));
    crc = table().graph.crc32c(crc, &row.count, sizeof row.count);
    crc = table().graph.crc32c(crc, row.pairs, row.count * pair_bytes);
  }
  return crc;
}

}  // namespace elanus
