// What indexes find, behind the C ABI and without Node: recall against exact search under every metric and filter, within ranges, of degenerate
// rows, and of the scans that take the place of a walk (scripts/check-native.mjs).
#include "../include/elanus_index.h"
#include <sys/stat.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>
#include "../src/cluster_scan.h"
#include "../src/handles.h"
#include "asked.h"
#include "check.h"
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
      // Wide enough for no walk: all that is allowed is scanned, and sketches leave little of it to be read. A packed graph that is mapped has none.
      Asked scan(built, asked, 10, ELANUS_MAX_WIDTH, allowed);
      at_least(scan.recall(), 0.999, "scan", Data::clustered, metric, count / (double)rows);
      CHECK(scan.work[0] == 0 && scan.work[3] == queries);
      const bool is_sketched = layout == ELANUS_LEAN || !index->mapping;
      if (!slow) CHECK(is_sketched ? scan.work[1] < 0.3 * queries * count : scan.work[1] == queries * count);
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

int main() { return run_parts("recall", {{"degenerate rows", degenerate}, {"ranges", ranges}, {"recall", recall_everywhere}, {"scans", by_scans}}); }
