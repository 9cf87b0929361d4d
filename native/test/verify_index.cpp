// Indexes behind the C ABI, without Node: recall against exact search, the same file whatever the machine does, damaged files,
// degenerate rows, nonsense, cancellation, and all of it from several threads. Made for the sanitizers (scripts/check-native.mjs).
#include "../include/elanus_index.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include "../src/cluster_scan.h"
#include "../src/handles.h"
#include "asked.h"
#include "check.h"
#include "files.h"
#include "graphs.h"

static void recall_everywhere() {
  const size_t rows = slow ? 1500 : 20000;
  constexpr uint32_t dimension = 48;
  for (const Data data : {Data::clustered, Data::gaussian, Data::integers})
    for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
      std::mt19937 random(3);
      const std::vector<float> values = made(data, rows, dimension, 1), queries = made(data, 60, dimension, 2);
      const Built built(values, dimension, metric);
      // Without structure no graph of degree 32 reaches .98 at ef 64.
      constexpr double wanted = 0.98;
      const uint32_t ef = data == Data::clustered ? 64 : 512;
      at_least(Asked(built, queries, 10, ef).recall(), wanted, "no filter", data, metric, 1);
      at_least(Asked(built, queries, 1, ef).recall(), wanted, "k 1", data, metric, 1);
      at_least(Asked(built, queries, 100, ef).recall(), wanted, "k 100", data, metric, 1);
      for (const double share : {0.7, 0.5, 0.1, 0.01, 0.001, 0.0}) {
        const std::vector<uint8_t> allowed = chosen(random, rows, share);
        at_least(Asked(built, queries, 10, ef, &allowed).recall(), 0.98, "at random", data, metric, share);
      }
      // Against the query: the rows that are nearest to it are the ones that are barred.
      for (const double share : {0.5, 0.1}) {
        double sum = 0;
        for (int q = 0; q < 10; ++q) {
          Asked all(built, {queries.begin() + q * dimension, queries.begin() + (q + 1) * dimension}, (uint32_t)std::min<size_t>(ELANUS_MAX_K, rows), 16);
          all.exact.k = (uint32_t)std::min<double>((1 - share) * (double)rows, ELANUS_MAX_K);
          CHECK(elanus_search_wait(&all.exact, nullptr) == ELANUS_OK);
          std::vector<uint8_t> allowed((rows + 63) / 64 * 8, 255);
          for (uint32_t i = 0; i < all.exact.k; ++i) allowed[all.exact_rows[i] / 8] &= (uint8_t)~(1 << (all.exact_rows[i] % 8));
          sum += Asked(built, all.numbers, 10, ef, &allowed).recall() / 10;
        }
        at_least(sum, 0.98, "against", data, metric, share);
      }
    }
}

// By codes, of the rows that are allowed.
static double found_by_clusters(const elanus::Index& index, const float* query, const std::vector<uint8_t>& allowed, uint32_t k, double share, uint64_t* looked) {
  elanus::Scratch s(elanus::Owner::search);
  std::vector<float> work(index.grid.dims());
  const elanus::CodeQuery asked = index.grid.encode_query(query, work.data(), s.codes(index.grid.dims())).codes;
  const elanus::CodeRows rows = index.code_rows();
  const auto distances = [&](const std::vector<uint32_t>& numbers) {
    s.distances.resize(numbers.size());
    elanus::table().graph.distances(&asked, &rows, numbers.data(), (uint32_t)numbers.size(), s.distances.data());
  };
  const auto nearest = [&](std::vector<std::pair<float, uint32_t>> all) {
    std::partial_sort(all.begin(), all.begin() + k, all.end());
    return std::set<std::pair<float, uint32_t>>(all.begin(), all.begin() + k);
  };
  std::vector<uint32_t> numbers;
  for (uint32_t row = 0; row < index.row_count; ++row)
    if (allowed[row / 8] >> (row % 8) & 1) numbers.push_back(row);
  distances(numbers);
  std::vector<std::pair<float, uint32_t>> all, some;
  for (size_t i = 0; i < numbers.size(); ++i) all.push_back({s.distances[i], numbers[i]});
  // It never gives up where there is no other way.
  elanus::ClusterScan scan(index, asked, allowed.data(), k, share, 0.001 * k, 1e12, s);
  while (scan.next()) {
    distances(s.numbers);
    scan.saw();
    for (size_t i = 0; i < s.numbers.size(); ++i) {
      some.push_back({s.distances[i], s.numbers[i]});
      CHECK(allowed[s.numbers[i] / 8] >> (s.numbers[i] % 8) & 1);
    }
  }
  *looked += some.size();
  CHECK(!scan.has_given_up() && some.size() >= k && std::set(some.begin(), some.end()).size() == some.size());
  double found = 0;
  const auto wanted = nearest(all);
  for (const auto& hit : nearest(some)) found += (double)wanted.count(hit) / k;
  return found;
}

// The scan of the clusters that are near: searches ask it only among many more rows than are made here.
static void by_scans() {
  const size_t rows = slow ? 4000 : 40000;
  constexpr uint32_t dimension = 32, queries = 40;
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    std::mt19937 random(5);
    const std::vector<float> values = made(Data::clustered, rows, dimension, 1), asked = made(Data::clustered, queries, dimension, 2);
    const Built built(values, dimension, metric);
    elanus_index_description d;
    CHECK(elanus_index_describe(built.index, &d, nullptr) == ELANUS_OK);
    CHECK(d.cluster_count == 2 * (uint32_t)std::sqrt((double)rows) + 1 && d.cluster_bytes > 4 * rows && d.cluster_bytes < 4 * rows + d.cluster_count * 100ull);
    const auto index = std::static_pointer_cast<const elanus::Index>(elanus::find_index(built.index));
    const std::vector<uint8_t> some = chosen(random, rows, 0.6);
    std::vector<uint8_t> side(some.size());   // of a plane
    for (size_t i = 0; i < rows; ++i)
      if (values[i * dimension] + values[i * dimension + 1] > 0) side[i / 8] |= (uint8_t)(1 << (i % 8));
    for (const std::vector<uint8_t>* allowed : {&some, (const std::vector<uint8_t>*)&side}) {
      double count = 0, recall = 0;
      for (size_t i = 0; i < rows; ++i) count += (*allowed)[i / 8] >> (i % 8) & 1;
      uint64_t looked = 0;
      for (uint32_t q = 0; q < queries; ++q) recall += found_by_clusters(*index, asked.data() + q * dimension, *allowed, 10, count / (double)rows, &looked) / queries;
      at_least(recall, 0.99, "clusters", Data::clustered, metric, count / (double)rows);
      if (!slow) CHECK((double)looked < 0.7 * queries * count);
      // Wide enough for no walk: all that is allowed is scanned, and sketches leave little of it to be read.
      Asked scan(built, asked, 10, ELANUS_MAX_WIDTH, allowed);
      at_least(scan.recall(), 0.999, "scan", Data::clustered, metric, count / (double)rows);
      CHECK(scan.work[0] == 0 && scan.work[3] == queries);
      if (!slow) CHECK(scan.work[1] < 0.3 * queries * count);
    }
  }
}

static void ranges() {
  const size_t rows = slow ? 2000 : 10000;
  constexpr uint32_t dimension = 24;
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    const std::vector<float> values = made(Data::clustered, rows, dimension, 4), queries = made(Data::clustered, 20, dimension, 5);
    const Built built(values, dimension, metric);
    std::mt19937 random(4);
    const std::vector<uint8_t> half = chosen(random, rows, 0.5);
    for (const std::vector<uint8_t>* allowed : {(const std::vector<uint8_t>*)nullptr, &half}) {
      double sum = 0;
      for (int q = 0; q < 20; ++q) {
        const std::vector<float> query(queries.begin() + q * dimension, queries.begin() + (q + 1) * dimension);
        Asked ranks(built, query, 2000, 16, allowed);
        CHECK(elanus_search_wait(&ranks.exact, nullptr) == ELANUS_OK);
        for (const auto& [inner, outer, k] : {std::tuple<int, int, int>{-1, 30, 100}, {-1, 5, 20}, {20, 60, 100}, {400, 420, 10}, {900, 960, 30}, {5, 5, 10}}) {
          Asked a(built, query, (uint32_t)k, 64, allowed);
          a.plan.has_outer = 1, a.plan.outer = ranks.exact_scores[outer];
          a.plan.has_inner = inner >= 0, a.plan.inner = inner >= 0 ? ranks.exact_scores[inner] : 0;
          sum += a.recall() / 20 / 6;
          for (const float s : a.scores)
            if (!std::isnan(s)) CHECK(metric == ELANUS_L2 ? s < a.plan.outer && (inner < 0 || s >= a.plan.inner) : s > a.plan.outer && (inner < 0 || s <= a.plan.inner));
        }
      }
      CHECK(sum >= 0.98);
    }
  }
}

static void same_file() {
  const uint32_t before = elanus_threads();
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE})
    for (const uint32_t dimension : {1u, 7u, 100u, 192u}) {
      const std::vector<float> values = made(Data::clustered, slow ? 200 : 2500, dimension, 6);
      std::string first;
      for (const char* set : {"avx512", "avx2", "neon", "portable"}) {
        if (elanus_use_instruction_set(set, nullptr) != ELANUS_OK) continue;
        for (const uint32_t threads : {1u, 2u, 3u}) {
          if (threads != 1 && std::strcmp(set, "portable")) continue;
          CHECK(elanus_set_threads(threads, nullptr) == ELANUS_OK);
          const Built built(values, dimension, metric, 24, 60);
          const std::string now = contents(built.path);
          CHECK(!now.empty() && (first.empty() || first == now));
          if (first.empty()) first = now;
        }
      }
    }
  CHECK(elanus_set_threads(before, nullptr) == ELANUS_OK);
}

// Damages bytes, and every other time mends the checksums afterwards.
static void damaged_files() {
  constexpr uint32_t dimension = 5;
  std::vector<float> values = made(Data::clustered, 60, dimension, 8);
  for (int i = 0; i < 30; ++i) std::copy_n(values.begin(), dimension, values.begin() + i * 2 * dimension);   // twins
  for (const uint32_t metric : {ELANUS_L2, ELANUS_COSINE}) {
    const Built built(values, dimension, metric, 4, 20);
    const std::string whole = contents(built.path);
    std::mt19937 random(metric);
    const std::string path = folder + "/damaged.index";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    int opened = 0, refused = 0;
    for (int round = 0; round < (slow ? 2000 : 5000); ++round) {
      std::string bytes = whole;
      const int kind = (int)(random() % 8);
      const size_t sections[] = {0, 144, 4096, 4096 * 2, 4096 * 3, 4096 * 4, 4096 * 5, 4096 * 6, 4096 * 7, 4096 * 8, 4096 * 9};
      for (uint32_t i = 0; i <= random() % 3; ++i) {
        const size_t from = kind < 4 ? 0 : sections[random() % std::size(sections)] % bytes.size();
        const size_t at = from + random() % (kind < 2 ? 368 : kind < 4 ? bytes.size() : std::min<size_t>(300, bytes.size() - from));
        damage(bytes[at], random);
      }
      if (kind == 7 && random() % 4 == 0) bytes.resize(random() % bytes.size());
      if (random() % 2) mend_checksums(bytes, {144, 4, 9});
      CHECK(!ftruncate(file, 0) && pwrite(file, bytes.data(), bytes.size(), 0) == (ssize_t)bytes.size());
      elanus_index index = 0;
      elanus_error error = {};
      const int status = elanus_index_open_wait(path.c_str(), built.rows, round % 2 ? ELANUS_MAP : ELANUS_READ, &index, &error);
      CHECK(status == ELANUS_OK || status == ELANUS_FILE);
      if (status != ELANUS_OK) {
        ++refused;
        CHECK(*error.text);
        continue;
      }
      ++opened;
      Asked asked(built, {values.begin(), values.begin() + 3 * dimension}, 5, 16);
      asked.plan.index = index;
      const std::vector<uint8_t> allowed(8, 0x35);
      for (int filtered = 0; filtered < 2; ++filtered) {
        if (filtered) asked.plan.allowed = allowed.data(), asked.plan.allowed_bytes = allowed.size();
        CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_OK);
        for (const uint32_t row : asked.rows) CHECK(row < 60 || row == ELANUS_NO_ROW);
      }
      elanus_index_description description;
      CHECK(elanus_index_describe(index, &description, &error) == ELANUS_OK);
      CHECK(elanus_index_close(index, &error) == ELANUS_OK);
    }
    CHECK(opened > 20 && refused > 800);
    ::close(file);
    ::unlink(path.c_str());
    // The wrong rows, no rows, no file.
    elanus_rows others = 0;
    uint64_t count;
    elanus_index index = 0;
    std::vector<float> other = values;
    other[0] += 1;
    CHECK(elanus_rows_create(ELANUS_FLOAT32, dimension, &others, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_rows_append(others, other.data(), other.size(), &count, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_index_open_wait("/nowhere/a.index", others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_index_open_wait(folder.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_FILE);
    CHECK(elanus_rows_close(others, nullptr) == ELANUS_OK);
    CHECK(elanus_index_open_wait(built.path.c_str(), others, ELANUS_READ, &index, nullptr) == ELANUS_STALE);
  }
}

static void degenerate() {
  for (const uint32_t metric : {ELANUS_L2, ELANUS_IP, ELANUS_COSINE}) {
    for (const size_t rows : {0, 1, 2, 5, 33, 300}) {
      const std::vector<float> values = made(Data::gaussian, rows, 20, 1), queries = made(Data::gaussian, 4, 20, 2);
      const Built built(values, 20, metric);
      CHECK(Asked(built, queries, 10, 64).recall() >= (rows <= 33 ? 1 : 0.9));
      CHECK(Asked(built, queries, 400, 1).recall() == 1);
      CHECK(Asked(built, queries, ELANUS_MAX_K, ELANUS_MAX_WIDTH).recall() == 1);
      CHECK(Asked(built, {}, 3, 10).recall() == 1);
    }
    {   // equal rows, with a few others among them, and rows of zeros
      std::vector<float> values(900 * 16, 1.f);
      const std::vector<float> others = made(Data::gaussian, 900, 16, 3);
      for (int i = 0; i < 900; ++i)
        if (i % 30 == 7) std::copy_n(others.begin() + i * 16, 16, values.begin() + i * 16);
        else if (i % 3 == 1) std::fill_n(values.begin() + i * 16, 16, 0.f);
      const Built built(values, 16, metric);
      std::vector<float> queries = made(Data::gaussian, 6, 16, 4);
      queries.insert(queries.end(), 16, 1.f);
      queries.insert(queries.end(), 16, 0.f);
      queries.insert(queries.end(), 16, -1.f);
      std::mt19937 random(2);
      const std::vector<uint8_t> allowed = chosen(random, 900, 0.3);
      for (const uint32_t k : {1u, 10u, 50u, 400u, 900u}) {
        CHECK(Asked(built, queries, k, 64).recall() >= 0.99);
        CHECK(Asked(built, queries, k, 64, &allowed).recall() >= 0.99);
      }
    }
    if (metric != ELANUS_IP) {   // a few rows, or one, far beyond all others
      std::vector<float> values = made(Data::clustered, 3000, 24, 11);
      for (const int row : {17, 900, 2200})
        for (int j = 0; j < 24; ++j) values[row * 24 + j] *= row == 17 ? 1e6f : 300;
      const Built built(values, 24, metric);
      CHECK(Asked(built, made(Data::clustered, 30, 24, 12), 10, 64).recall() >= 0.98);
      CHECK(Asked(built, {values.begin() + 17 * 24, values.begin() + 18 * 24}, 3, 64).recall() == 1);
      std::mt19937 random(9);
      const std::vector<uint8_t> allowed = chosen(random, 3000, 0.1);
      CHECK(Asked(built, made(Data::clustered, 30, 24, 12), 10, 64, &allowed).recall() >= 0.98);
    }
    {   // nothing but zeros
      const Built built(std::vector<float>(100 * 3), 3, metric);
      CHECK(Asked(built, {0, 0, 0, 1, 2, 3}, 10, 64).recall() == 1);
    }
    for (const uint32_t dimension : {1u, 2u, 3u, 64u, 1000u, 32768u}) {
      const size_t rows = dimension > 10000 ? 30 : dimension > 500 ? (slow ? 100 : 300) : slow ? 800 : 3000;
      const Built built(made(Data::clustered, rows, dimension, 5), dimension, metric);
      CHECK(Asked(built, made(Data::clustered, 5, dimension, 6), 10, 128).recall() >= 0.98);
    }
    for (const auto& [degree, beam] : {std::pair<uint32_t, uint32_t>{2, 1}, {3, 300}, {512, 8}, {64, 500}}) {
      const std::vector<float> values = made(Data::clustered, 1200, 12, 7);
      const Built built(values, 12, metric, degree, beam);
      elanus_index_description d;
      CHECK(elanus_index_describe(built.index, &d, nullptr) == ELANUS_OK);
      CHECK(d.degree == degree && d.beam >= beam && d.row_count == 1200 && d.entry_count == 16 && d.layout == layout && d.metric == metric);
      CHECK(layout == ELANUS_LEAN ? d.slots == degree && d.list_bytes == 1200ull * degree * 4 : d.slots == (degree + 31) / 32 * 32 && d.list_bytes == 1200ull * d.slots * (4 + 4 + 8));
      uint64_t total = 0;
      for (const uint64_t count : d.rows_of_degree) total += count;
      CHECK(total == d.graph_row_count);
      struct stat status {};
      CHECK(!::stat(built.path.c_str(), &status) && (uint64_t)status.st_size == d.file_bytes);
      CHECK(Asked(built, made(Data::clustered, 5, 12, 8), 10, 200).recall() >= (degree == 2 ? 0.5 : 0.98));
    }
    {   // far outside what the grid was made for, huge, tiny, and not finite
      const Built built(made(Data::clustered, 2000, 12, 9), 12, metric);
      std::vector<float> far = made(Data::clustered, 8, 12, 10);
      for (float& x : far) x *= 50;
      CHECK(Asked(built, far, 10, 128).recall() >= 0.95);
      for (const float scale : {1e10f, 1e19f, 1e38f, 1e-20f, 1e-42f, INFINITY, NAN}) {
        std::vector<float> odd = far;
        for (float& x : odd) x *= scale;
        Asked asked(built, odd, 10, 64);
        CHECK(elanus_index_search_wait(&asked.plan, nullptr) == ELANUS_OK);
      }
      const Built tiny({1e-42f, 2e-42f, 3e-42f, 1e-41f}, 1, metric, 32, 100, "b.index"), huge({1e38f, -3e38f, 3e38f, 2e38f}, 1, metric, 32, 100, "c.index");
      Asked among_tiny(tiny, {0, 1e-42f}, 4, 10), among_huge(huge, {0, 3e38f}, 4, 10);
      CHECK(elanus_index_search_wait(&among_tiny.plan, nullptr) == ELANUS_OK);
      CHECK(elanus_index_search_wait(&among_huge.plan, nullptr) == ELANUS_OK);
    }
  }
}

static void nonsense() {
  const std::vector<float> values = made(Data::clustered, 200, 8, 1);
  const Built built(values, 8, ELANUS_L2);
  std::mt19937_64 random(3);
  elanus_error error;
  auto strange = [&]() -> uint64_t {
    const uint64_t some[] = {0, 1, 2, 7, 8, 63, 64, 65, 127, 128, 129, 1024, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 52, ~0ull, ~0ull - 7, random()};
    return some[random() % std::size(some)];
  };
  const std::vector<uint8_t> allowed(32, 0xa5);
  const std::vector<uint32_t> rank(200);
  for (int i = 0; i < (slow ? 2000 : 20000); ++i) {
    Asked a(built, {values.begin(), values.begin() + 16}, 4, 20, &allowed);
    a.plan.rank = rank.data(), a.plan.rank_count = 200;
    const uint64_t x = strange();
    switch (random() % 16) {   // only ever shorter than the truth where memory follows
      case 0: a.plan.index = x == built.index ? 0 : x; break;
      case 1: a.plan.query_value_count = std::min<uint64_t>(x, 16); break;
      case 2: a.plan.k = (uint32_t)x; break;
      case 3: a.plan.ef = (uint32_t)x; break;
      case 4: a.plan.allowed_bytes = std::min<uint64_t>(x, 32); break;
      case 5: a.plan.rank_count = std::min<uint64_t>(x, 200); break;
      case 6: a.plan.has_outer = (int)x, std::memcpy(&a.plan.outer, &x, 4); break;
      case 7: a.plan.has_inner = (int)x, std::memcpy(&a.plan.inner, &x, 4); break;
      case 8: a.plan.hit_row_count = std::min<uint64_t>(x, 8); break;
      case 9: a.plan.hit_score_count = std::min<uint64_t>(x, 8); break;
      case 10: a.plan.tied_count = std::min<uint64_t>(x, 2); break;
      case 11: a.plan.queries = nullptr; break;
      case 12: a.plan.hit_rows = nullptr; break;
      case 13: a.plan.work_count = std::min<uint64_t>(x, 5); break;
      case 14: a.plan.time_limit_microseconds = x; break;
      case 15: a.plan.index = built.rows; break;
    }
    const int status = elanus_index_search_wait(&a.plan, &error);
    CHECK(status == ELANUS_OK || status == ELANUS_INVALID || status == ELANUS_STALE || status == ELANUS_LATE);
  }
  elanus_index_build plan = {built.rows, 200, ELANUS_L2, 32, 100, 0, layout};
  const std::string path = folder + "/n.index";
  auto refused = [&](auto change) {
    elanus_index_build changed = plan;
    change(changed);
    return elanus_index_build_wait(&changed, path.c_str(), &error);
  };
  CHECK(refused([](auto& p) { p.rows = 0; }) == ELANUS_STALE);
  CHECK(refused([&](auto& p) { p.rows = built.index; }) == ELANUS_STALE);
  CHECK(refused([](auto& p) { p.row_count = 201; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.metric = 3; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.degree = 1; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.degree = 513; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.beam = 0; }) == ELANUS_INVALID);
  CHECK(refused([](auto& p) { p.beam = ~0u; }) == ELANUS_INVALID);
  CHECK(elanus_index_build_wait(&plan, "", &error) == ELANUS_INVALID);
  CHECK(elanus_index_build_wait(&plan, nullptr, &error) == ELANUS_INVALID);
  CHECK(elanus_index_build_wait(&plan, "/nowhere/at/all", &error) == ELANUS_FILE);
  CHECK(elanus_index_build_start(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_index_open_start(nullptr, 0, 0, nullptr, nullptr, nullptr, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_index_search_start(nullptr, nullptr, nullptr, nullptr, nullptr) == ELANUS_INVALID);
  CHECK(elanus_index_describe(built.rows, nullptr, &error) == ELANUS_INVALID);
  CHECK(elanus_job_progress(nullptr) == 0);
  elanus_rows bad = 0;
  uint64_t count;
  std::vector<float> holed = values;
  holed[77 * 8 + 3] = NAN;
  CHECK(elanus_rows_create(ELANUS_FLOAT32, 8, &bad, nullptr) == ELANUS_OK && elanus_rows_append(bad, holed.data(), holed.size(), &count, nullptr) == ELANUS_OK);
  CHECK(refused([&](auto& p) { p.rows = bad; }) == ELANUS_INVALID && std::strstr(error.text, "row 77"));
  CHECK(elanus_rows_close(bad, nullptr) == ELANUS_OK);
  CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
}

using Clock = std::chrono::steady_clock;
static double milliseconds_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

static void cancellation() {
  constexpr uint32_t dimension = 96;
  const size_t rows = slow ? 3000 : 20000;
  const std::vector<float> values = made(Data::gaussian, rows, dimension, 1);
  const std::string path = folder + "/c.index";
  const Built built(values, dimension, ELANUS_L2, 16, 40);
  const elanus_index_build plan = {built.rows, rows, ELANUS_L2, 48, slow ? 100u : 400u, 1, layout};
  for (int i = 0; i < (slow ? 3 : 6); ++i) {
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_index_build_start(&plan, path.c_str(), End::call, &end, &job, nullptr) == ELANUS_OK);
    double before = 0;
    while (elanus_job_progress(job) < 0.06 * i) {
      const double now = elanus_job_progress(job);
      CHECK(now >= before && now <= 1);
      before = now;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const auto start = Clock::now();
    elanus_job_cancel(job);
    CHECK(end.wait() == ELANUS_CANCELLED);
    if (!slow) CHECK(milliseconds_since(start) < 500);   // the machine may be busy; the sanitizers are slow
    elanus_job_release(job);
    CHECK(::access(path.c_str(), F_OK) && ::access((path + ".part").c_str(), F_OK));
  }
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(memory.build_bytes == 0 && memory.index_bytes + memory.mapped_bytes > 0);
  // A search: 2,000 queries of great width.
  const std::vector<float> queries = made(Data::gaussian, 2000, dimension, 2);
  Asked asked(built, queries, 10, 4000);
  for (int i = 0; i < 4; ++i) {
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_index_search_start(&asked.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
    std::this_thread::sleep_for(std::chrono::milliseconds(5 * i));
    elanus_job_cancel(job);
    CHECK(end.wait() == ELANUS_CANCELLED);
    elanus_job_release(job);
  }
  asked.plan.time_limit_microseconds = 3000;
  elanus_error error = {};
  CHECK(elanus_index_search_wait(&asked.plan, &error) == ELANUS_LATE && std::strstr(error.text, "time limit"));
}

static void several_threads() {
  constexpr uint32_t dimension = 16;
  // Searches go before builds, so a build beside them takes long where they do.
  const size_t rows = slow ? 300 : 2000;
  const std::vector<float> values = made(Data::clustered, rows, dimension, 1), queries = made(Data::clustered, 8, dimension, 2);
  const Built built(values, dimension, ELANUS_COSINE, 16, 40);
  Asked expected(built, queries, 5, 40);
  CHECK(expected.recall() > 0.9);
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop) {
        Asked a(built, queries, 5, 40);
        End end;
        elanus_job* job = nullptr;
        CHECK(elanus_index_search_start(&a.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
        const bool cancel = random() % 4 == 0;
        if (cancel) elanus_job_cancel(job);
        const int status = end.wait();
        CHECK(status == ELANUS_OK || (cancel && status == ELANUS_CANCELLED));
        if (status == ELANUS_OK) CHECK(a.rows == expected.rows && a.scores == expected.scores);
        elanus_job_release(job);
      }
    });
  threads.emplace_back([&] {   // indexes come and go; a search outlives its handle
    while (!stop) {
      elanus_index own = 0;
      CHECK(elanus_index_open_wait(built.path.c_str(), built.rows, ELANUS_READ, &own, nullptr) == ELANUS_OK);
      Asked a(built, queries, 5, 40);
      a.plan.index = own;
      End end;
      elanus_job* job = nullptr;
      CHECK(elanus_index_search_start(&a.plan, End::call, &end, &job, nullptr) == ELANUS_OK);
      CHECK(elanus_index_close(own, nullptr) == ELANUS_OK);
      elanus_job_release(job);
      CHECK(end.wait() == ELANUS_OK && a.rows == expected.rows);
    }
  });
  threads.emplace_back([&] {
    for (uint32_t n = 1; !stop; n = n % 4 + 1) {
      CHECK(elanus_set_threads(n, nullptr) == ELANUS_OK);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  const std::string whole = contents(built.path), path = folder + "/again.index";
  for (int i = 0; i < (slow ? 1 : 6); ++i) {
    const elanus_index_build plan = {built.rows, rows, ELANUS_COSINE, 16, 40, 7, layout};
    CHECK(elanus_index_build_wait(&plan, path.c_str(), nullptr) == ELANUS_OK);
    CHECK(contents(path) == whole);
  }
  stop = true;
  for (auto& t : threads) t.join();
  ::unlink(path.c_str());
  CHECK(elanus_set_threads(2, nullptr) == ELANUS_OK);
}

int main() {
  char name[] = "/tmp/elanus-verify-XXXXXX";
  folder = mkdtemp(name);
  const auto start = Clock::now();
  const struct {
    const char* name;
    void (*run)();
  } parts[] = {{"degenerate rows", degenerate}, {"nonsense", nonsense},         {"damaged files", damaged_files},     {"the same file", same_file},
               {"ranges", ranges},              {"cancellation", cancellation}, {"several threads", several_threads}, {"recall", recall_everywhere},
               {"scans", by_scans}};
  for (const auto& part : parts)
    for (layout = ELANUS_LEAN; layout <= ELANUS_PACKED; ++layout) {
      part.run();
      std::printf("%-16s %-6s %6.1f s\n", part.name, layout == ELANUS_LEAN ? "lean" : "packed", milliseconds_since(start) / 1000);
      std::fflush(stdout);
    }
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(elanus_open_handles() == 0 && memory.index_bytes == 0 && memory.mapped_bytes == 0 && memory.build_bytes == 0 && memory.search_bytes == 0);
  ::rmdir(folder.c_str());
  std::printf("indexes: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
