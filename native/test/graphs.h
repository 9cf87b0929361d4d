// What the checks of graphs share: made rows, an index over them, and a search of it.
#pragma once
#include <cstdio>
#include <random>
#include <string>
#include <vector>
#include "asked.h"

static std::string folder;
static uint32_t layout = ELANUS_LEAN;   // every part is run with each

enum class Data { clustered, gaussian, integers };

static std::vector<float> made(Data data, size_t rows, uint32_t dimension, uint32_t seed) {
  std::mt19937 centres(11), random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> centre(40 * dimension), values(rows * dimension);
  for (float& x : centre) x = normal(centres);
  for (size_t i = 0; i < rows; ++i) {
    const float* c = centre.data() + random() % 40 * dimension;
    for (uint32_t j = 0; j < dimension; ++j)
      values[i * dimension + j] = data == Data::clustered ? c[j] + 0.4f * normal(random) : data == Data::gaussian ? normal(random) : (float)(int)(random() % 9) - 4;
  }
  return values;
}

struct Built : BuiltIndex {
  Built(const std::vector<float>& values, uint32_t dimension, uint32_t metric, uint32_t degree = 32, uint32_t beam = 100, const char* name = "a.index")
      : BuiltIndex(folder + "/" + name, entries_of(ELANUS_FLOAT32, values), ELANUS_FLOAT32, dimension, metric, [&](const BuiltIndex& own, elanus_error* error) {
          const elanus_index_build plan = {own.rows, own.count, metric, degree, beam, 7, layout};
          return elanus_index_build_wait(&plan, own.path.c_str(), error);
        }) {}
};

struct Asked : AskedIndex {
  const std::vector<float> numbers;   // of the queries

  Asked(const Built& built, const std::vector<float>& asked, uint32_t k, uint32_t ef, const std::vector<uint8_t>* allowed = nullptr)
      : AskedIndex(built, entries_of(ELANUS_FLOAT32, asked), k, allowed), numbers(asked) {
    plan.ef = ef;
  }
};

static void at_least(double recall, double wanted, const char* what, Data data, uint32_t metric, double share) {
  CHECK(recall >= wanted);
  if (recall < wanted) std::fprintf(stderr, "  recall %.4f, wanted %.3f: %s, data %d, metric %u, share %g\n", recall, wanted, what, (int)data, metric, share);
}
