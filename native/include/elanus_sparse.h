/*
 * Sparse vectors: rows of (index, value) pairs that grow, inverted lists over them, packed lists in a file for those that grow no more, and
 * exact search by inner product.
 *
 * A row is as it is sent and kept: pairs of u32 index and f32 value, little-endian, indices ascending and below 2^32 - 1, values finite.
 * A score is the float32 sum of the float32 products, in ascending order of the index. Only rows with a score above 0 are hits.
 *
 * Always true: what elanus_kernel.h says. There is one writer at a time; searches run beside it and see the rows they were told to count.
 */
#ifndef ELANUS_SPARSE_H
#define ELANUS_SPARSE_H

#include "elanus_index.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t elanus_sparse;

/* Closed with elanus_rows_close, as every handle. Without lists, and without packed ones, a search scores every row. */
int elanus_sparse_create(elanus_sparse *sparse, int with_lists, elanus_error *error);
/* Gives the lists up for good, for packed ones. Searches that have begun end with them. */
int elanus_sparse_drop_lists(elanus_sparse sparse, elanus_error *error);
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

/* Packed lists, from rows to a file, as elanus_index_build_start; opened with elanus_index_open_start, which is given `sparse` for its rows. */
typedef struct elanus_postings_build {
  elanus_sparse sparse;
  uint64_t row_count; /* only the first rows */
} elanus_postings_build;
int elanus_postings_build_start(const elanus_postings_build *build, const char *path, elanus_done done, void *context, elanus_job **job,
                                elanus_error *error);
int elanus_postings_build_wait(const elanus_postings_build *build, const char *path, elanus_error *error);

typedef struct elanus_postings_description {
  uint64_t row_count, term_count, posting_count, block_count;
  uint64_t list_bytes; /* in memory, or mapped; rows are those of `sparse` */
  uint64_t file_bytes;
} elanus_postings_description;
int elanus_postings_describe(elanus_index index, elanus_postings_description *description, elanus_error *error);

/* What packed lists are read: all; those of windows that can hold a hit; the promising first, and the rest only where that is cheaper. */
enum { ELANUS_SPARSE_ALL = 0, ELANUS_SPARSE_WAND = 1, ELANUS_SPARSE_MAXSCORE = 2 };

/* Best first: by score, then rank (null: none), then row number. */
typedef struct elanus_sparse_search {
  elanus_sparse sparse;
  elanus_index postings; /* 0, or packed lists, which then say which `sparse` it is */
  uint32_t algorithm;    /* of packed lists */
  float bound_ratio;     /* of packed lists: what a block can add is taken for so much of it; below 1 hits may be missed */
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
