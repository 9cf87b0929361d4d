/*
 * Inverted lists: rows in lists by the nearest of some centres; a search scans the lists of the centres that are nearest to the query.
 *
 * Always true (besides what elanus_index.h says):
 *  - every list is scanned whole. Rows are scored by their raw values, or by codes that stand in the lists; with codes, as many candidates
 *    as `reorder` says are scored again by raw values, and then scores are those of an exact search; without, scores are those of the codes;
 *  - `probes` lists are scanned, and more where that is too little: until k rows were scored, and under a filter until as many allowed
 *    rows were scored as rows would be without it. Where fewer are allowed, all of them are scored;
 *  - centres come from a sample and the seed: the same rows, options and seed give the same file.
 *
 * Not here: opening, closing and searching, which are one for all kinds (elanus_index.h).
 */
#ifndef ELANUS_LISTS_H
#define ELANUS_LISTS_H

#include "elanus_index.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What stands for a row in its list. */
enum {
  ELANUS_CODES_NONE = 0,   /* its number only: raw values score */
  ELANUS_CODES_BYTE = 1,   /* a byte a dimension */
  ELANUS_CODES_BOOK = 2,   /* a product quantiser: `subspaces` codes of `bits` bits, of what is left beside the centre */
  ELANUS_CODES_NIBBLE = 3, /* the same with 4 bits, in blocks that are scanned by shuffles */
  ELANUS_CODES_SIGN = 4    /* a bit a dimension: the sign of what is left beside the centre, after a rotation (RaBitQ) */
};

#define ELANUS_MAX_LISTS 65536u
#define ELANUS_MAX_QUERY_BITS 8u

typedef struct elanus_lists_build {
  elanus_rows rows;
  uint64_t row_count; /* only the first rows are indexed */
  uint32_t metric; /* of binary rows: HAMMING or JACCARD, and no codes */
  uint32_t lists; /* 1 to ELANUS_MAX_LISTS; never more than rows are made */
  uint32_t codes;
  uint32_t subspaces; /* BOOK, NIBBLE: 1 to the dimension */
  uint32_t bits;      /* BOOK: 1 to ELANUS_MAX_BOOK_BITS */
  uint64_t seed;
} elanus_lists_build;

/* As elanus_index_build_start. */
int elanus_lists_build_start(const elanus_lists_build *build, const char *path, elanus_done done, void *context, elanus_job **job,
                             elanus_error *error);
int elanus_lists_build_wait(const elanus_lists_build *build, const char *path, elanus_error *error);

typedef struct elanus_lists_description {
  uint32_t metric, dimension, element, lists, codes, subspaces, bits;
  uint64_t seed, row_count;
  uint64_t loose_row_count; /* in no list: without direction under COSINE */
  uint64_t empty_lists, shortest_list, longest_list;
  uint64_t centre_bytes, number_bytes, code_bytes, other_bytes; /* in memory; raw rows are the rows handle's */
  uint64_t file_bytes;
} elanus_lists_description;

/* Fails with ELANUS_INVALID for an index of another kind. */
int elanus_lists_describe(elanus_index index, elanus_lists_description *description, elanus_error *error);

#ifdef __cplusplus
}
#endif
#endif
