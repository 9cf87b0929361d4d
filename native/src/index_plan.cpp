#include "index_plan.h"
#include <cmath>
#include "failure.h"

namespace elanus {

void check_index_search(const elanus_index_search& s, uint64_t entries, uint64_t rows) {
  if (s.k < 1 || s.k > ELANUS_MAX_K) fail(ELANUS_INVALID, "k %u is not in 1..%u", s.k, ELANUS_MAX_K);
  if (s.query_value_count % entries) fail(ELANUS_INVALID, "%llu query values are no multiple of the %llu of a row", (unsigned long long)s.query_value_count, (unsigned long long)entries);
  const uint64_t queries = s.query_value_count / entries;
  if (queries > ELANUS_MAX_HITS / s.k) fail(ELANUS_INVALID, "%llu queries times k %u are more than %u hits", (unsigned long long)queries, s.k, ELANUS_MAX_HITS);
  if (s.allowed && s.allowed_bytes < (rows + 63) / 64 * 8) fail(ELANUS_INVALID, "%llu bytes of allowed rows are too few for %llu rows", (unsigned long long)s.allowed_bytes, (unsigned long long)rows);
  if (s.rank && s.rank_count < rows) fail(ELANUS_INVALID, "%llu ranks are too few for %llu rows", (unsigned long long)s.rank_count, (unsigned long long)rows);
  if ((s.has_outer && std::isnan(s.outer)) || (s.has_inner && (!s.has_outer || std::isnan(s.inner)))) fail(ELANUS_INVALID, "the bounds of the range are no numbers");
  if (s.hit_row_count < queries * s.k || s.hit_score_count < queries * s.k || s.tied_count < queries) fail(ELANUS_INVALID, "no room for the hits of %llu queries", (unsigned long long)queries);
  if (s.work && s.work_count < ELANUS_INDEX_WORK) fail(ELANUS_INVALID, "no room for %d counts of work", ELANUS_INDEX_WORK);
  if (queries && !(s.queries && s.hit_rows && s.hit_scores && s.tied)) fail(ELANUS_INVALID, "a buffer is missing");
}

void write_index_hits(const elanus_index_search& plan, Metric metric, uint64_t query, const std::vector<Hit>& hits, bool tied) {
  uint32_t* rows = plan.hit_rows + query * plan.k;
  float* scores = plan.hit_scores + query * plan.k;
  for (uint32_t i = 0; i < plan.k; ++i) {
    const bool there = i < hits.size();
    rows[i] = there ? hits[i].row : ELANUS_NO_ROW;
    scores[i] = !there ? std::numeric_limits<float>::quiet_NaN() : is_turned(metric) ? 0 - hits[i].key : hits[i].key;
  }
  plan.tied[query] = tied;
}

}  // namespace elanus
