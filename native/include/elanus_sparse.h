/*
 * Sparse vectors: rows of (index, value) pairs that grow, an inverted index over them, and exact search by inner product.
 *
 * A row is as it is sent and kept: pairs of u32 index and f32 value, little-endian, indices ascending and below 2^32 - 1, values finite.
 * A score is the float32 sum of the float32 products, in ascending order of the index. Only rows with a score above 0 are hits.
 *
 * Always true: what elanus_kernel.h says. There is one writer at a time; searches run beside it and see the rows they were told to count.
 */
#ifndef ELANUS_SPARSE_H
#define ELANUS_SPARSE_H

#include "elanus_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t elanus_sparse;

/* Closed with elanus_rows_close, as every handle. */
int elanus_sparse_create(elanus_sparse *sparse, elanus_error *error);
/* Row i is bytes [offsets[i], offsets[i + 1]); offsets ascend from any start within byte_count. All rows are checked before the first is taken. */
int elanus_sparse_append(elanus_sparse sparse, const uint32_t *offsets, uint64_t offset_count, const uint8_t *bytes, uint64_t byte_count,
                         uint64_t *row_count, elanus_error *error);
int elanus_sparse_describe(elanus_sparse sparse, uint64_t *row_count, uint64_t *pair_count, uint64_t *memory_bytes, elanus_error *error);
/* offsets[0] = 0, then where each of the named rows ends when they lie end to end. */
int elanus_sparse_lengths(elanus_sparse sparse, const uint32_t *numbers, uint64_t number_count, uint32_t *offsets, uint64_t offset_count,
                          elanus_error *error);
/* The named rows end to end; byte_count is the last of those offsets, or more. */
int elanus_sparse_gather(elanus_sparse sparse, const uint32_t *numbers, uint64_t number_count, uint8_t *bytes, uint64_t byte_count,
                         elanus_error *error);

/* Best first: by score, then rank (null: none), then row number. */
typedef struct elanus_sparse_search {
  elanus_sparse sparse;
  uint64_t row_count; /* only the first rows are looked at */
  const uint32_t *offsets; /* of the queries, as of rows */
  uint64_t offset_count;
  const uint8_t *bytes;
  uint64_t byte_count;
  uint32_t k;
  const uint8_t *allowed; /* one bit a row, or null */
  uint64_t allowed_bytes; /* at least 8 for each started 64 rows */
  const uint32_t *rank;   /* one a row, or null */
  uint64_t rank_count;
  int has_outer, has_inner; /* outer < score <= inner; an inner bound needs an outer one */
  float outer, inner;
  uint32_t *hit_rows; /* queries times k, then as many scores: ELANUS_NO_ROW and NaN where there is no hit */
  uint64_t hit_row_count;
  float *hit_scores;
  uint64_t hit_score_count;
  uint8_t *tied; /* one a query: 1 if a row that is not among the k hits has the score of the last */
  uint64_t tied_count;
} elanus_sparse_search;

int elanus_sparse_search_start(const elanus_sparse_search *search, elanus_done done, void *context, elanus_job **job, elanus_error *error);
int elanus_sparse_search_wait(const elanus_sparse_search *search, elanus_error *error);

#ifdef __cplusplus
}
#endif
#endif
