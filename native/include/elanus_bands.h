/*
 * Bands of MinHash signatures (locality-sensitive hashing: Broder, SEQUENCES 1997; Leskovec et al., Mining of Massive Datasets, 3.4). A
 * signature of hashes is cut into bands of as many hashes each; rows that share a whole band with the query are its candidates.
 *
 * Always true (besides what elanus_index.h says):
 *  - a hit shares a band with its query (but for one pair of bands in 2^32), and has the score of an exact search by MHJACCARD;
 *  - where `unscored` is set, every row that shares a band is a hit with 1, in the order of ranks and numbers, and none else is;
 *  - otherwise candidates go by how many bands they share, then by their number; `reorder` of them are scored, at least k; 0: all;
 *  - the same rows, options and seed give the same file.
 *
 * Not here: opening, closing and searching, which are one for all kinds (elanus_index.h).
 */
#ifndef ELANUS_BANDS_H
#define ELANUS_BANDS_H

#include "elanus_index.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct elanus_bands_build {
  elanus_rows rows; /* of bits */
  uint64_t row_count;
  uint32_t hash_bits; /* 8, 16, 32 or 64; divides the dimension */
  uint32_t bands;     /* 1 to as many as a signature has hashes; those that are left over belong to no band */
  uint64_t seed;
} elanus_bands_build;

/* As elanus_index_build_start. */
int elanus_bands_build_start(const elanus_bands_build *build, const char *path, elanus_done done, void *context, elanus_job **job,
                             elanus_error *error);
int elanus_bands_build_wait(const elanus_bands_build *build, const char *path, elanus_error *error);

typedef struct elanus_bands_description {
  uint32_t dimension, hash_bits, bands, band_hashes;
  uint64_t seed, row_count;
  uint64_t bucket_count, longest_bucket; /* rows that share a band; of all bands together */
  uint64_t key_bytes, number_bytes;      /* in memory; raw rows are the rows handle's */
  uint64_t file_bytes;
} elanus_bands_description;

/* Fails with ELANUS_INVALID for an index of another kind. */
int elanus_bands_describe(elanus_index index, elanus_bands_description *description, elanus_error *error);

#ifdef __cplusplus
}
#endif
#endif
