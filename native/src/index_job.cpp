#include "index_job.h"
#include <time.h>
#include <algorithm>
#include "failure.h"
#include "index_plan.h"
#include "pool.h"

namespace elanus {

namespace {

constexpr uint64_t few_of_piece = 3, most_of_piece = 32;
constexpr uint64_t most_microseconds = 1ull << 50;

uint64_t own_nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

}  // namespace

IndexJob::IndexJob(const elanus_index_search& plan, const OpenIndex& index, Metric metric, elanus_done done, void* context, uint32_t hash_bits)
    : Job(done, context), plan_(plan), table_(table()), metric_(metric), layout_(index.rows->layout()), rows_((uint32_t)index.indexed_rows()),
      asked_(table_, metric, layout_, plan.queries, plan.query_value_count), queries_(asked_.count()), raw_(*index.rows),
      hash_bits_(hash_bits), limit_(Clock::now() + std::chrono::microseconds(std::min<uint64_t>(plan.time_limit_microseconds, most_microseconds))) {
  const bool turned = is_turned(metric_);
  if (plan.has_outer) high_ = turned ? -plan.outer : plan.outer;
  if (plan.has_inner) low_ = turned ? -plan.inner : plan.inner;
  // A few queries of every thread may take turns; many are shared out evenly.
  const uint64_t threads = thread_count(), few = std::min<uint64_t>(few_of_piece, (queries_ + threads - 1) / threads);
  piece_queries_ = std::clamp<uint64_t>(queries_ / (4 * threads), std::max<uint64_t>(1, few), most_of_piece);
  set_pieces(std::max<uint64_t>(1, (queries_ + piece_queries_ - 1) / piece_queries_));
}

void IndexJob::prepare() {
  allowed_count_ = rows_;
  if (!plan_.allowed) return;
  allowed_count_ = table_.count_members(plan_.allowed, rows_ / 64);
  for (uint32_t row = rows_ / 64 * 64; row < rows_; ++row) allowed_count_ += is_allowed(row);
}

void IndexJob::work(uint64_t piece) {
  std::call_once(prepared_, [this] { prepare(); });
  Effort effort;
  answer_some(piece * piece_queries_, std::min((piece + 1) * piece_queries_, queries_), effort);
  std::lock_guard<std::mutex> hold(lock_);
  total_.visits += effort.visits;
  total_.distances += effort.distances;
  total_.exact += effort.exact;
  total_.code_scans += effort.code_scans;
  total_.raw_scans += effort.raw_scans;
  total_.lists += effort.lists;
}

Job::Round IndexJob::settle(uint64_t*) {
  tell(total_);
  return Round::complete;
}

void IndexJob::tell(const Effort& effort) const {
  if (!plan_.work) return;
  const double counts[ELANUS_INDEX_WORK] = {effort.visits, effort.distances, effort.exact, effort.code_scans, effort.raw_scans, effort.lists};
  std::copy_n(counts, ELANUS_INDEX_WORK, plan_.work);
}

void IndexJob::limit_own_time() {
  own_limit_ = own_nanoseconds() + std::min<uint64_t>(plan_.time_limit_microseconds, most_microseconds) * 1000;
}

void IndexJob::go_on() const {
  if (stopped()) fail(ELANUS_CANCELLED, "cancelled");
  // A thread's own time is asked of the system, which takes as long as some rows do, and is never more than has passed by the clock.
  if (plan_.time_limit_microseconds && Clock::now() >= limit_ && (!own_limit_ || own_nanoseconds() >= own_limit_)) fail(ELANUS_LATE, "the time limit of the search has passed");
}

void IndexJob::write_hits(uint64_t query, const std::vector<Hit>& hits, bool tied) const { write_index_hits(plan_, metric_, query, hits, tied); }

void IndexJob::raw_keys(const QueryBlock& query, const uint32_t* rows, uint32_t count, float* keys) const {
  const unsigned char* at[raw_block + tile_rows];
  float norms[raw_block];
  for (uint32_t i = 0; i < count; ++i) at[i] = row_at(rows[i]);
  for (uint32_t i = 0; i < tile_rows; ++i) at[count + i] = at[count - 1];
  const RowBlock block = {at, count, layout_.dimension, true, layout_.element, hash_bits_};
  table_.keys(metric_, &query, &block, keys, count, norms);
}

}  // namespace elanus
