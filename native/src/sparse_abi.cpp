// The C ABI of sparse vectors.
#include <cstring>
#include "../include/elanus_sparse.h"
#include "boundary.h"
#include "handles.h"
#include "postings.h"
#include "postings_build.h"
#include "sparse_search.h"

using namespace elanus;

namespace {

// Read once: the array may be shared with a thread that writes to it.
const Sparse::Row& named_row(const Sparse& sparse, const uint32_t* number) {
  const uint32_t row = __atomic_load_n(number, __ATOMIC_RELAXED);
  const uint64_t count = sparse.count();
  if (row >= count) fail(ELANUS_INVALID, "row %u does not exist: there are %llu", row, (unsigned long long)count);
  return sparse.row(row);
}

}  // namespace

int elanus_sparse_create(elanus_sparse* sparse, int with_lists, elanus_error* error) {
  return guarded(error, [&] {
    require(sparse);
    *sparse = open_handle(std::make_shared<Sparse>(with_lists != 0));
  });
}

int elanus_sparse_drop_lists(elanus_sparse sparse, elanus_error* error) {
  return guarded(error, [&] { find_sparse(sparse)->drop_lists(); });
}

int elanus_sparse_append(elanus_sparse sparse, const uint32_t* offsets, uint64_t offset_count, const uint8_t* bytes, uint64_t byte_count,
                         uint64_t* row_count, elanus_error* error) {
  return guarded(error, [&] {
    auto found = find_sparse(sparse);
    require(offsets);
    require(row_count);
    if (!offset_count) fail(ELANUS_INVALID, "rows have offsets");
    for (uint64_t i = 0; i + 1 < offset_count; ++i) {
      if (offsets[i] > offsets[i + 1] || offsets[i + 1] > byte_count) fail(ELANUS_INVALID, "offsets do not ascend within their bytes");
      if (offsets[i + 1] == offsets[i]) continue;
      require(bytes);
      check_pairs(bytes + offsets[i], offsets[i + 1] - offsets[i], i);
    }
    *row_count = found->append(offsets, offset_count - 1, bytes);
  });
}

int elanus_sparse_describe(elanus_sparse sparse, uint64_t* row_count, uint64_t* pair_count, uint64_t* memory_bytes, elanus_error* error) {
  return guarded(error, [&] {
    auto found = find_sparse(sparse);
    require(row_count);
    require(pair_count);
    require(memory_bytes);
    *row_count = found->count();
    *pair_count = found->pair_count();
    *memory_bytes = found->memory_bytes();
  });
}

int elanus_sparse_lengths(elanus_sparse sparse, const uint32_t* numbers, uint64_t number_count, uint32_t* offsets, uint64_t offset_count, elanus_error* error) {
  return guarded(error, [&] {
    auto found = find_sparse(sparse);
    require(offsets);
    if (offset_count != number_count + 1) fail(ELANUS_INVALID, "%llu rows have %llu offsets", (unsigned long long)number_count, (unsigned long long)offset_count);
    if (number_count) require(numbers);
    uint64_t end = 0;
    offsets[0] = 0;
    for (uint64_t i = 0; i < number_count; ++i) {
      end += named_row(*found, numbers + i).count * pair_bytes;
      if (end > 0xffffffffu) fail(ELANUS_INVALID, "the rows together are larger than 4 GiB");
      offsets[i + 1] = (uint32_t)end;
    }
  });
}

int elanus_sparse_gather(elanus_sparse sparse, const uint32_t* numbers, uint64_t number_count, uint8_t* bytes, uint64_t byte_count, elanus_error* error) {
  return guarded(error, [&] {
    auto found = find_sparse(sparse);
    if (number_count) require(numbers);
    uint64_t end = 0;
    for (uint64_t i = 0; i < number_count; ++i) {
      const Sparse::Row& row = named_row(*found, numbers + i);
      const uint64_t length = row.count * pair_bytes;
      if (!length) continue;
      require(bytes);
      if (length > byte_count - end) fail(ELANUS_INVALID, "no room for the rows");
      std::memcpy(bytes + end, row.pairs, length);
      end += length;
    }
  });
}

int elanus_postings_build_start(const elanus_postings_build* build, const char* path, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require(build);
    require(path);
    require((const void*)done);
    require(job);
    start(job, make_postings_build(*build, path, done, context), WorkClass::build);
  });
}

int elanus_postings_build_wait(const elanus_postings_build* build, const char* path, elanus_error* error) {
  return wait_for(error, WorkClass::build, [&](elanus_done done, void* context) {
    require(build);
    require(path);
    return make_postings_build(*build, path, done, context);
  });
}

int elanus_postings_describe(elanus_index handle, elanus_postings_description* description, elanus_error* error) {
  return guarded(error, [&] {
    require(description);
    const auto index = find_index(handle);
    if (index->kind != IndexKind::postings) fail(ELANUS_INVALID, "index handle %llu is none of sparse rows", (unsigned long long)handle);
    const auto& postings = static_cast<const PostingsIndex&>(*index);
    *description = {postings.shape.rows, postings.shape.terms, postings.shape.postings, postings.shape.blocks,
                    postings.terms.bytes() + postings.blocks.bytes() + postings.bytes.bytes(), postings.file_bytes};
  });
}

int elanus_sparse_search_start(const elanus_sparse_search* search, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require(search);
    require((const void*)done);
    require(job);
    start(job, make_sparse_search(*search, done, context), WorkClass::search);
  });
}

int elanus_sparse_search_wait(const elanus_sparse_search* search, elanus_error* error) {
  return wait_for(error, WorkClass::search, [&](elanus_done done, void* context) {
    require(search);
    return make_sparse_search(*search, done, context);
  });
}
