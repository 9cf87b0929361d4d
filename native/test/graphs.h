// What the checks of graphs share: made rows, an index over them, a search of it, and a run with either layout.
#pragma once
#include <stdlib.h>
#include <unistd.h>
#include <chrono>
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

[[maybe_unused]] static void at_least(double recall, double wanted, const char* what, Data data, uint32_t metric, double share) {
  CHECK(recall >= wanted);
  if (recall < wanted) std::fprintf(stderr, "  recall %.4f, wanted %.3f: %s, data %d, metric %u, share %g\n", recall, wanted, what, (int)data, metric, share);
}

struct Part {
  const char* name;
  void (*run)();
};

// In a folder of its own, and nothing is left: no file, no handle, no memory. Returns the status of the process.
static int run_parts(const char* title, const std::vector<Part>& parts) {
  char name[] = "/tmp/elanus-verify-XXXXXX";
  folder = mkdtemp(name);
  const auto start = std::chrono::steady_clock::now();
  for (const Part& part : parts)
    for (layout = ELANUS_LEAN; layout <= ELANUS_PACKED; ++layout) {
      part.run();
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
      std::printf("%-16s %-6s %6.1f s\n", part.name, layout == ELANUS_LEAN ? "lean" : "packed", passed.count());
      std::fflush(stdout);
    }
  elanus_memory memory;
  elanus_memory_used(&memory);
  CHECK(elanus_open_handles() == 0 && memory.index_bytes == 0 && memory.mapped_bytes == 0 && memory.build_bytes == 0 && memory.search_bytes == 0);
  CHECK(::rmdir(folder.c_str()) == 0);
  std::printf("%s: %d checks, %d failures\n", title, checks.load(), failures.load());
  return failures ? 1 : 0;
}
