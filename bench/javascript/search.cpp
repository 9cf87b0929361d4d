// Searches of an index through the C ABI, without Node, for the bench of what JavaScript adds:
//
//   search <rows.f32> <rows> <dimension> <queries.f32> <index> <threads>
//
// A line of standard input, `<queries a call> <calls in flight> <ef>`, is answered by the processor seconds and the seconds that all queries
// took.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <condition_variable>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>
#include "../../native/include/elanus_index.h"

namespace {

constexpr uint32_t K = 10;

void must(int status, const elanus_error& error) {
  if (status == ELANUS_OK) return;
  std::fprintf(stderr, "%s\n", error.text);
  std::exit(1);
}

double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// How many calls have not ended.
struct Flying {
  std::mutex lock;
  std::condition_variable fewer;
  size_t count = 0;
  static void end(void* context, int status, const char* text) {
    if (status != ELANUS_OK) {
      std::fprintf(stderr, "%s\n", text);
      std::exit(1);
    }
    Flying& flying = *(Flying*)context;
    std::lock_guard hold(flying.lock);
    --flying.count;
    flying.fewer.notify_one();
  }
  void below(size_t most) {
    std::unique_lock hold(lock);
    fewer.wait(hold, [&] { return count < most; });
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 7) return 2;
  elanus_error error;
  const uint32_t dimension = (uint32_t)std::atoi(arguments[3]);
  elanus_rows rows;
  elanus_index index;
  must(elanus_rows_map(arguments[1], 0, std::strtoull(arguments[2], nullptr, 10), ELANUS_FLOAT32, dimension, &rows, &error), error);
  must(elanus_set_threads((uint32_t)std::atoi(arguments[6]), &error), error);
  must(elanus_index_open_wait(arguments[5], rows, &index, &error), error);
  std::ifstream file(arguments[4], std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const size_t queries = bytes.size() / dimension / sizeof(float);
  std::vector<uint32_t> hits(queries * K);
  std::vector<float> scores(queries * K);
  std::vector<uint8_t> tied(queries);

  size_t each, at_once;
  uint32_t ef;
  while (std::scanf("%zu %zu %u", &each, &at_once, &ef) == 3) {
    Flying flying;
    const double used = processor_seconds();
    const auto start = std::chrono::steady_clock::now();
    for (size_t first = 0; first < queries; first += each) {
      const size_t now = each < queries - first ? each : queries - first;
      elanus_index_search search{};
      search.index = index;
      search.queries = bytes.data() + first * dimension * sizeof(float);
      search.query_value_count = now * dimension;
      search.k = K;
      search.ef = ef;
      search.hit_rows = hits.data() + first * K;
      search.hit_scores = scores.data() + first * K;
      search.hit_row_count = search.hit_score_count = now * K;
      search.tied = tied.data() + first;
      search.tied_count = now;
      flying.below(at_once);
      {
        std::lock_guard hold(flying.lock);
        ++flying.count;
      }
      elanus_job* job;
      must(elanus_index_search_start(&search, Flying::end, &flying, &job, &error), error);
      elanus_job_release(job);
    }
    flying.below(1);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%.9f %.9f\n", processor_seconds() - used, seconds);
    std::fflush(stdout);
  }
  elanus_index_close(index, &error);
  elanus_rows_close(rows, &error);
}
