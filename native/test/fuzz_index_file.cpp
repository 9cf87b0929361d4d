// Damaged index files of every kind for their readers, and searches of those that are taken.
//
//   u8   which base (fuzz_bases.h), 255: the rest is a file as it is, for base `u8` behind it
//   u8   bit 0: checksums are mended; bit 1: mapped, else read
//   edits of eight bytes: u24 place in the file, modulo its length | u8 what is done | u32 with which number
//
// Always true: a file is refused with a text, or searched without a fault; both ways give the same hits.
#include "fuzz_bases.h"

namespace {

void edit(std::string& bytes, uint32_t place, uint32_t kind, uint32_t number) {
  if (bytes.empty()) return;
  const size_t at = place % bytes.size(), left = bytes.size() - at;
  switch (kind % 8) {
    case 0: bytes[at] = (char)number; return;
    case 1: bytes[at] ^= (char)(1 << (number % 8)); return;
    case 2: std::memcpy(bytes.data() + at, &number, std::min<size_t>(2, left)); return;
    case 3: std::memcpy(bytes.data() + at, &number, std::min<size_t>(4, left)); return;
    case 4: {
      const uint64_t wide = number % 2 ? ~(uint64_t)0 >> number % 64 : (uint64_t)number << 20;
      std::memcpy(bytes.data() + at, &wide, std::min<size_t>(8, left));
      return;
    }
    case 5: bytes.resize(at); return;
    case 6: bytes.append(number % 9000, 0); return;
    case 7: std::memmove(bytes.data() + at, bytes.data() + number % bytes.size(), std::min({left, bytes.size() - number % bytes.size(), (size_t)4096})); return;
  }
}

void search_dense(const Base& base, uint64_t index) {
  const std::vector<uint8_t> allowed(8, 0x35);
  for (int way = 0; way < 3; ++way) {
    Hits hits(3, 7);
    elanus_index_search plan = {};
    plan.index = index;
    plan.queries = base.queries.data();
    plan.query_value_count = 3 * base.entries;
    plan.k = 7, plan.ef = 16, plan.probes = way == 2 ? 60 : 2, plan.reorder = way == 1 ? 20 : 0;
    if (way == 2) plan.allowed = allowed.data(), plan.allowed_bytes = allowed.size();
    hits.lend(plan);
    elanus_error error = {};
    if (elanus_index_search_wait(&plan, &error)) wrong(error.text);
    hits.check(base.count);
  }
}

void search_sparse(const Base& base, uint64_t index) {
  const Bases& all = Bases::all();
  for (uint32_t algorithm = 0; algorithm <= ELANUS_SPARSE_MAXSCORE; ++algorithm) {
    Hits hits(3, 7);
    elanus_sparse_search plan = {};
    elanus_index_about about;
    elanus_error error = {};
    if (elanus_index_tell(index, &about, &error)) wrong(error.text);
    plan.postings = index, plan.algorithm = algorithm, plan.bound_ratio = 1, plan.row_count = about.row_count;
    plan.offsets = all.offsets().data(), plan.offset_count = 4, plan.bytes = all.pairs().data(), plan.byte_count = all.pairs().size();
    plan.k = 7;
    hits.lend(plan);
    if (elanus_sparse_search_wait(&plan, &error)) wrong(error.text);
    hits.check(base.count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Unnamed unnamed;
  const Bases& all = Bases::all();
  Numbers numbers(data, size);
  uint8_t which = numbers.take<uint8_t>();
  const bool whole = which == 255;
  if (whole) which = numbers.take<uint8_t>();
  const uint8_t flags = numbers.take<uint8_t>();
  const Base& base = all.list()[which % all.list().size()];
  std::string bytes = base.bytes;
  if (whole) bytes.assign((const char*)data + std::min<size_t>(3, size), size - std::min<size_t>(3, size));
  else
    for (int edits = 0; !numbers.ended() && edits < 64; ++edits) {
      const uint32_t first = numbers.take<uint32_t>();
      edit(bytes, first & 0xffffff, first >> 24, numbers.take<uint32_t>());
    }
  if (flags & 1) mend_checksums(bytes, base.table);
  elanus_index index = 0;
  elanus_error error = {};
  const int status = elanus_index_open_wait(unnamed.hold(bytes), base.rows, flags & 2 ? ELANUS_MAP : ELANUS_READ, &index, &error);
  if (status == ELANUS_FILE && *error.text) return 0;
  if (status != ELANUS_OK && status != ELANUS_INVALID) wrong("a file was refused without a reason");
  if (status != ELANUS_OK) return 0;
  if (base.sparse) search_sparse(base, index);
  else search_dense(base, index);
  if (elanus_index_close(index, &error)) wrong(error.text);
  return 0;
}
