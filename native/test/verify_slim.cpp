// Slim graphs behind the C ABI, without Node: recall with and without filters, the same file whatever the machine does, damaged files,
// degenerate rows, ranges, nonsense, cancellation.
#include "../include/elanus_slim.h"
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include "asked.h"
#include "check.h"
#include "files.h"

static std::string folder;

// What stands for a row; `bits` and `stages` where they mean something. No subspaces: one for every four dimensions.
struct Codes {
  uint32_t codes = ELANUS_SLIM_BOOK, subspaces = 0, bits = 8, stages = 0;
};

struct Built : BuiltIndex {
  Built(const std::vector<float>& values, uint32_t dimension, uint32_t metric, uint32_t degree = 32, const Codes& codes = {}, uint32_t element = ELANUS_FLOAT32)
      : BuiltIndex(folder + "/a.index", entries_of(element, values), element, dimension, metric, [&](const BuiltIndex& own, elanus_error* error) {
          const elanus_slim_build plan = {own.rows, own.count, metric, degree, 80, codes.subspaces ? codes.subspaces : (dimension + 3) / 4, codes.bits, 7, codes.codes, codes.stages};
          return elanus_slim_build_wait(&plan, own.path.c_str(), error);
        }) {}
};

struct Asked : AskedIndex {
  Asked(const Built& built, const std::vector<float>& asked, uint32_t k, uint32_t ef, uint32_t reorder = 0, const std::vector<uint8_t>* allowed = nullptr)
      : AskedIndex(built, entries_of(built.element, asked), k, allowed) {
    plan.ef = ef, plan.reorder = reorder;
  }
};

static void at_least(double recall, double wanted, const char* what, uint32_t metric, double share) {
  CHECK(recall >= wanted);
  if (recall < wanted) std::fprintf(stderr, "  recall %.4f, wanted %.3f: %s, metric %u, share %g\n", recall, wanted, what, metric, share);
}

static void recall_everywhere() {
  const size_t rows = slow ? 1500 : 12000;
  constexpr uint32_t dimension = 48;
  const std::vector<float> values = clustered(rows, dimension, 1), queries = clustered(60, dimension, 2);
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    const Built built(values, dimension, metric);
    std::mt19937 random(3);
    at_least(Asked(built, queries, 10, 400).recall(), 0.98, "no filter", metric, 1);
    at_least(Asked(built, queries, 10, 128, 40).recall(), 0.65, "fewer read again", metric, 1);
    at_least(Asked(built, queries, 10, 64, 10).recall(), 0.3, "by codes", metric, 1);
    for (const double share : {0.7, 0.3, 0.1, 0.01, 0.001, 0.0}) {
      const std::vector<uint8_t> allowed = chosen(random, rows, share);
      at_least(Asked(built, queries, 10, 128, 0, &allowed).recall(), 0.97, "at random", metric, share);
    }
    const std::vector<float> query(queries.begin(), queries.begin() + dimension);
    Asked ranks(built, query, 900, 16);
    CHECK(elanus_search_wait(&ranks.exact, nullptr) == ELANUS_OK);
    for (const auto& [inner, outer] : {std::pair<int, int>{-1, 30}, {20, 60}, {700, 720}}) {
      Asked a(built, query, 10, 128);
      a.plan.has_outer = 1, a.plan.outer = ranks.exact_scores[outer];
      a.plan.has_inner = inner >= 0, a.plan.inner = inner >= 0 ? ranks.exact_scores[inner] : 0;
      at_least(a.recall(), 0.9, "within a range", metric, 1);
    }
  }
}

// What every kind of codes finds by itself, and with few candidates read again. The more is kept of a row, the more.
static void kinds_of_codes() {
  const struct {
    Codes codes;
    double alone, again;
  } table[] = {
      {{ELANUS_SLIM_BOOK, 12, 8, 0}, 0.3, 0.6},      {{ELANUS_SLIM_STAGES, 12, 8, 2}, 0.55, 0.9},  {{ELANUS_SLIM_STAGES, 4, 6, 5}, 0.3, 0.6},
      {{ELANUS_SLIM_SCALAR, 0, 4, 0}, 0.7, 0.97},    {{ELANUS_SLIM_SCALAR, 0, 6, 0}, 0.9, 0.98},   {{ELANUS_SLIM_SCALAR, 0, 8, 0}, 0.97, 0.98},
      {{ELANUS_SLIM_BFLOAT16, 0, 0, 0}, 0.97, 0.98}, {{ELANUS_SLIM_FLOAT16, 0, 0, 0}, 0.98, 0.98},
  };
  const size_t rows = slow ? 600 : 4000;
  constexpr uint32_t dimension = 48;
  const std::vector<float> values = clustered(rows, dimension, 1), queries = clustered(40, dimension, 2);
  std::mt19937 random(4);
  const std::vector<uint8_t> allowed = chosen(random, rows, 0.3), few = chosen(random, rows, 0.02);
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE})
    for (const auto& [codes, alone, again] : table) {
      const Built built(values, dimension, metric, 32, codes);
      const auto check = [&](double recall, double wanted, const char* what) {
        CHECK(recall >= wanted);
        if (recall < wanted) std::fprintf(stderr, "  recall %.4f, wanted %.3f: %s, codes %u of %u bits, metric %u\n", recall, wanted, what, codes.codes, codes.bits, metric);
      };
      check(Asked(built, queries, 10, 100, 10).recall(), alone, "by codes");
      check(Asked(built, queries, 10, 100, 30).recall(), again, "read again");
      check(Asked(built, queries, 10, 200, 30, &allowed).recall(), again, "among three of ten");
      check(Asked(built, queries, 10, 200, 30, &few).recall(), again, "among one of fifty");
    }
  for (const uint32_t element : {ELANUS_FLOAT16, ELANUS_BFLOAT16, ELANUS_INT8})
    for (const uint32_t codes : {ELANUS_SLIM_SCALAR, ELANUS_SLIM_FLOAT16}) {
      const Built built(values, dimension, ELANUS_COSINE, 32, {codes, 0, 6, 0}, element);
      CHECK(Asked(built, queries, 10, 100, 30).recall() >= 0.95);
    }
}

static const Codes coarse[] = {{ELANUS_SLIM_BOOK, 3, 4, 0}, {ELANUS_SLIM_STAGES, 3, 4, 2}, {ELANUS_SLIM_SCALAR, 0, 6, 0}, {ELANUS_SLIM_FLOAT16, 0, 0, 0}};
static const Codes fine[] = {{ELANUS_SLIM_BOOK, 0, 8, 0}, {ELANUS_SLIM_STAGES, 0, 8, 2}, {ELANUS_SLIM_SCALAR, 0, 6, 0}, {ELANUS_SLIM_FLOAT16, 0, 0, 0}};

static void same_file(const Codes& codes) {
  const std::vector<float> values = clustered(slow ? 200 : 1500, 40, 6);
  std::string first;
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) {
    if (elanus_use_instruction_set(set, nullptr) != ELANUS_OK) continue;
    for (const uint32_t threads : {3u, 1u}) {
      CHECK(elanus_set_threads(threads, nullptr) == ELANUS_OK);
      const Built built(values, 40, ELANUS_COSINE, 24, codes);
      const std::string now = contents(built.path);
      CHECK(!now.empty() && (first.empty() || first == now));
      if (first.empty()) first = now;
    }
  }
  CHECK(elanus_set_threads(2, nullptr) == ELANUS_OK);
}

// Of whole numbers, which are the same wherever this runs: so are the files, by their checksums, on every kind of processor.
static void same_file_everywhere() {
  constexpr uint32_t expected[][2] = {{0x0aee3f78, 0x5513e57d}, {0xada8d5a7, 0xbcc90431}, {0x8e393cd8, 0x52d15659}, {0xe576c793, 0x20372dc8}};
  std::mt19937 random(12);
  std::vector<float> values(700 * 24);
  for (float& x : values) x = (float)(int)(random() % 201) - 100;
  for (size_t i = 0; i < std::size(coarse); ++i)
    for (const uint32_t metric : {ELANUS_L2, ELANUS_COSINE}) {
      const Built built(values, 24, metric, 12, coarse[i]);
      const std::string file = contents(built.path);
      const uint32_t checksum = crc32c((const unsigned char*)file.data(), file.size()), wanted = expected[i][metric == ELANUS_COSINE];
      CHECK(checksum == wanted);
      if (checksum != wanted) std::fprintf(stderr, "  codes %u, metric %u: the file has checksum %#x\n", coarse[i].codes, metric, checksum);
    }
}

// Damages bytes, and every other time mends the checksums afterwards.
static void damaged_files(const Codes& codes) {
  constexpr uint32_t dimension = 5, rows = 60;
  std::vector<float> values = clustered(rows, dimension, 8);
  for (int i = 0; i < 30; ++i) std::copy_n(values.begin(), dimension, values.begin() + i * 2 * dimension);   // twins
  const Built built(values, dimension, ELANUS_COSINE, 4, codes);
  open_damaged(built, {6, 152, 300}, slow ? 1000 : 2500, 20, 300, [&](elanus_index index) {
    const std::vector<uint8_t> allowed(8, 0x35);
    for (int way = 0; way < 3; ++way) {
      Asked asked(built, {values.begin(), values.begin() + 3 * dimension}, 5, 16, way == 1 ? 5 : 0, way == 2 ? &allowed : nullptr);
      ask_damaged(asked, index, rows);
    }
    elanus_slim_description description;
    CHECK(elanus_slim_describe(index, &description, nullptr) == ELANUS_OK);
  });
}

static void degenerate(const Codes& codes) {
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    for (const size_t rows : {0, 1, 2, 5, 33}) {
      const Built built(clustered(rows, 20, 1), 20, metric, 32, codes);
      CHECK(Asked(built, clustered(4, 20, 2), 10, 64).recall() == 1);
      CHECK(Asked(built, clustered(4, 20, 2), 400, 1).recall() == 1);
      CHECK(Asked(built, {}, 3, 10).recall() == 1);
    }
    std::vector<float> values(600 * 16, 1.f);   // equal rows with a few others among them, and rows of zeros
    const std::vector<float> others = clustered(600, 16, 3);
    for (int i = 0; i < 600; ++i)
      if (i % 30 == 7) std::copy_n(others.begin() + i * 16, 16, values.begin() + i * 16);
      else if (i % 3 == 1) std::fill_n(values.begin() + i * 16, 16, 0.f);
    const Built built(values, 16, metric, 32, codes);
    std::vector<float> queries = clustered(4, 16, 4);
    queries.insert(queries.end(), 16, 1.f);
    queries.insert(queries.end(), 16, 0.f);
    std::mt19937 random(2);
    const std::vector<uint8_t> allowed = chosen(random, 600, 0.3);
    for (const uint32_t k : {1u, 10u, 50u, 400u, 600u}) {
      at_least(Asked(built, queries, k, 64).recall(), 0.98, "equal rows", metric, 1);
      at_least(Asked(built, queries, k, 64, 0, &allowed).recall(), 0.98, "equal rows", metric, 0.3);
    }
    for (const float scale : {1e19f, 1e38f, 1e-42f, INFINITY, NAN}) {
      std::vector<float> odd = clustered(4, 16, 10);
      for (float& x : odd) x *= scale;
      Asked asked(built, odd, 10, 64);
      CHECK(elanus_index_search_wait(&asked.plan, nullptr) == ELANUS_OK);
    }
  }
}

static void nonsense() {
  const Built built(clustered(300, 8, 1), 8, ELANUS_L2);
  elanus_error error;
  const elanus_slim_build plan = {built.rows, 300, ELANUS_L2, 16, 40, 2, 8, 1, ELANUS_SLIM_BOOK, 0};
  const std::string path = folder + "/n.index";
  auto refused = [&](auto change) {
    elanus_slim_build changed = plan;
    change(changed);
    return elanus_slim_build_wait(&changed, path.c_str(), &error) == ELANUS_INVALID;
  };
  CHECK(refused([](auto& p) { p.row_count = 301; }) && refused([](auto& p) { p.metric = 3; }) && refused([](auto& p) { p.degree = 513; }));
  CHECK(refused([](auto& p) { p.beam = 0; }) && refused([](auto& p) { p.subspaces = 9; }) && refused([](auto& p) { p.subspaces = 0; }) && refused([](auto& p) { p.bits = 13; }));
  CHECK(refused([](auto& p) { p.codes = 5; }) && refused([](auto& p) { p.codes = ELANUS_SLIM_STAGES; }) && refused([](auto& p) { p.codes = ELANUS_SLIM_STAGES, p.stages = 17; }));
  CHECK(refused([](auto& p) { p.codes = ELANUS_SLIM_SCALAR, p.bits = 5; }));
  for (const auto& [ef, reorder] : {std::pair<uint32_t, uint32_t>{0, 0}, {~0u, 0}, {64, 3}, {64, ~0u}}) {
    Asked asked(built, clustered(2, 8, 2), 10, ef, reorder);
    CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_INVALID);
  }
  Asked late(built, clustered(20000, 8, 2), 10, 4000);
  late.plan.time_limit_microseconds = 2000;
  CHECK(elanus_index_search_wait(&late.plan, &error) == ELANUS_LATE);
  for (int i = 0; i < 3; ++i) {
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_index_search_start(&late.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
    elanus_job_cancel(job);
    const int status = end.wait();
    CHECK(status == ELANUS_CANCELLED || status == ELANUS_LATE);
    elanus_job_release(job);
    End built_end;
    CHECK(elanus_slim_build_start(&plan, path.c_str(), End::call, &built_end, &job, nullptr) == ELANUS_OK);
    std::this_thread::sleep_for(std::chrono::milliseconds(i));
    elanus_job_cancel(job);
    if (built_end.wait() == ELANUS_OK) ::unlink(path.c_str());
    elanus_job_release(job);
    CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
  }
}

// Rows that are kept in memory are not read: the file of the rows is spoiled under them, and their scores stay what they were. Within a budget, the
// scores of those are right that fit into it; and memory is counted.
static void kept_rows() {
  constexpr uint32_t dimension = 768, k = 10, rows = slow ? 300 : 1500;
  constexpr uint64_t row_bytes = dimension * 4, beside = rows * 4;
  const std::vector<float> values = clustered(rows, dimension, 1), queries = clustered(30, dimension, 2);
  const Built built(values, dimension, ELANUS_L2, 16);
  elanus_error error = {};
  CHECK(elanus_slim_keep_wait(built.index, 1 << 20, &error) == ELANUS_OK);   // of rows in memory: nothing
  elanus_slim_description d;
  CHECK(elanus_slim_describe(built.index, &d, &error) == ELANUS_OK && !d.kept_row_count && !d.kept_bytes);

  const std::string path = folder + "/rows";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  const auto write = [&](const void* bytes) { CHECK(pwrite(file, bytes, rows * row_bytes, 0) == (ssize_t)(rows * row_bytes)); };
  write(values.data());
  elanus_rows mapped = 0;
  elanus_index index = 0;
  CHECK(elanus_rows_map(path.c_str(), 0, rows, ELANUS_FLOAT32, dimension, &mapped, &error) == ELANUS_OK);
  CHECK(elanus_index_open_wait(built.path.c_str(), mapped, ELANUS_READ, &index, &error) == ELANUS_OK);
  Asked right(built, queries, k, 100), asked(built, queries, k, 100);
  CHECK(right.run());
  asked.plan.index = index;
  elanus_memory before;
  elanus_memory_used(&before);
  const std::vector<float> spoiled(values.size(), 1e9f);
  for (const uint64_t bytes : {(uint64_t)0, beside, beside + row_bytes, beside + rows / 4 * row_bytes, (uint64_t)1 << 40}) {
    CHECK(elanus_slim_keep_wait(index, bytes, &error) == ELANUS_OK);
    CHECK(elanus_slim_describe(index, &d, &error) == ELANUS_OK);
    const uint64_t count = bytes > beside ? std::min<uint64_t>(rows, (bytes - beside) / row_bytes) : 0;
    CHECK(d.kept_row_count == count && d.kept_bytes == (count ? beside + count * row_bytes : 0) && d.kept_bytes <= bytes);
    elanus_memory now;
    elanus_memory_used(&now);
    CHECK(now.index_bytes - before.index_bytes == d.kept_bytes);
    CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_OK && asked.rows == right.rows && asked.scores == right.scores);
    write(spoiled.data());
    CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_OK);
    uint64_t same = 0;
    for (size_t i = 0; i < asked.rows.size(); ++i)
      for (size_t j = i / k * k; j < i / k * k + k; ++j) same += asked.rows[i] == right.rows[j] && asked.scores[i] == right.scores[j];
    CHECK(count == rows ? same == asked.rows.size() : count ? true : same == 0);
    // A quarter of the rows is more than a quarter of what is found: those are kept that are found often.
    if (count == rows / 4) CHECK(same * 3 > asked.rows.size());
    write(values.data());
  }
  // Cancelled, what was kept before stays; and searches go on beside.
  for (int round = 0; round < 5; ++round) {
    End end, search_end;
    elanus_job *job = nullptr, *search = nullptr;
    CHECK(elanus_index_search_start(&asked.plan, End::call, &search_end, &search, &error) == ELANUS_OK);
    CHECK(elanus_slim_keep_start(index, beside + 100 * row_bytes, End::call, &end, &job, &error) == ELANUS_OK);
    if (round % 2 == 0) elanus_job_cancel(job);
    const int status = end.wait();
    CHECK(status == ELANUS_OK || status == ELANUS_CANCELLED);
    CHECK(search_end.wait() == ELANUS_OK && asked.rows == right.rows);
    elanus_job_release(job);
    elanus_job_release(search);
    CHECK(elanus_slim_describe(index, &d, &error) == ELANUS_OK && d.kept_row_count >= 100);
  }
  CHECK(elanus_index_close(index, &error) == ELANUS_OK && elanus_rows_close(mapped, &error) == ELANUS_OK);
  CHECK(elanus_slim_keep_wait(index, 0, &error) == ELANUS_STALE);
  ::close(file);
  ::unlink(path.c_str());
}

int main() {
  char name[] = "/tmp/elanus-verify-XXXXXX";
  folder = mkdtemp(name);
  recall_everywhere();
  kinds_of_codes();
  same_file_everywhere();
  for (const Codes& codes : coarse) {
    same_file(codes);
    damaged_files(codes);
  }
  for (const Codes& codes : fine) degenerate(codes);
  kept_rows();
  nonsense();
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(elanus_open_handles() == 0 && memory.index_bytes == 0 && memory.mapped_bytes == 0 && memory.build_bytes == 0 && memory.search_bytes == 0);
  ::rmdir(folder.c_str());
  std::printf("slim graphs: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
