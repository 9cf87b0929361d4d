// Runs LLVMFuzzerTestOneInput where libFuzzer is not: cases are mutated, and those that reach code in a way that none did before are kept to be
// mutated further. The kernel is built with -fsanitize-coverage=trace-pc for it, which GCC has; without, mutations are blind.
//
//     fuzz_X SECONDS SEED [FOLDER | CASE…]      `keep` before the folder: what was found to be new is written there
//
// A case that ends the process is left in fuzz-crash.bin, one that runs for longer than a minute too.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

namespace {

constexpr uint32_t places = 1 << 16;
constexpr size_t most_bytes = 4096, most_kept = 48;
uint8_t reached[places];        // of the case that runs, from all threads: a lost count does no harm
uint8_t known[places];          // classes of counts, as bits
thread_local uintptr_t before = 0;

std::vector<uint8_t> running;
void keep_case() {
  if (FILE* file = std::fopen("fuzz-crash.bin", "wb")) {
    std::fwrite(running.data(), 1, running.size(), file);
    std::fclose(file);
    std::fprintf(stderr, "the case is in fuzz-crash.bin\n");
  }
}
void ended(int signal) {
  if (signal == SIGALRM) std::fprintf(stderr, "the case runs for too long\n");
  keep_case();
  std::signal(signal, SIG_DFL);
  if (signal == SIGALRM) std::abort();
  std::raise(signal);
}

// Whether something was reached that was not, or as often as it was not.
bool is_new() {
  bool fresh = false;
  for (uint32_t i = 0; i < places; ++i) {
    if (!reached[i]) continue;
    const uint8_t kind = (uint8_t)(1 << std::min(7, 31 - __builtin_clz(reached[i])));
    fresh |= !(known[i] & kind);
    known[i] |= kind;
  }
  return fresh;
}

bool run(const std::vector<uint8_t>& bytes) {
  running = bytes;
  std::memset(reached, 0, sizeof reached);
  alarm(60);
  LLVMFuzzerTestOneInput(running.data(), running.size());
  alarm(0);
  return is_new();
}

std::vector<uint8_t> read_file(const std::string& path) {
  std::vector<uint8_t> bytes(1 << 20);
  FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return {};
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  return bytes;
}

using Random = std::mt19937_64;
void mutate(std::vector<uint8_t>& bytes, const std::vector<uint8_t>& other, Random& random) {
  static constexpr uint32_t notable[] = {0, 1, 2, 4, 7, 8, 60, 64, 127, 128, 255, 256, 4095, 4096, 0x7fff, 0xffff, 0x7fffffff, 0x80000000u, 0xffffffffu, 0x7fc00000, 0x7f800000, 0x3f800000};
  for (uint64_t times = 1 + random() % 5; times; --times) {
    if (bytes.empty()) bytes.push_back((uint8_t)random());
    const size_t at = random() % bytes.size();
    switch (random() % 8) {
      case 0: bytes[at] ^= (uint8_t)(1 << random() % 8); break;
      case 1: bytes[at] = (uint8_t)random(); break;
      case 2: {
        const uint32_t number = notable[random() % std::size(notable)];
        std::memcpy(bytes.data() + at, &number, std::min<size_t>(4, bytes.size() - at));
        break;
      }
      case 3:
      case 4: {   // the edits of a file are eight bytes long
        std::vector<uint8_t> fresh(random() % 2 ? 8 : 1 + random() % 12);
        for (uint8_t& byte : fresh) byte = (uint8_t)random();
        bytes.insert(bytes.begin() + (ptrdiff_t)at, fresh.begin(), fresh.end());
        break;
      }
      case 5: bytes.erase(bytes.begin() + (ptrdiff_t)at, bytes.begin() + (ptrdiff_t)std::min(bytes.size(), at + 1 + random() % 12)); break;
      case 6: {
        if (other.empty()) break;
        const size_t from = random() % other.size(), some = std::min<size_t>(other.size() - from, 1 + random() % 64);
        bytes.insert(bytes.begin() + (ptrdiff_t)at, other.begin() + (ptrdiff_t)from, other.begin() + (ptrdiff_t)(from + some));
        break;
      }
      case 7: bytes[at] = (uint8_t)(bytes[at] + random() % 5 - 2); break;
    }
  }
  if (bytes.size() > most_bytes) bytes.resize(most_bytes);
}

}  // namespace

extern "C" void __sanitizer_cov_trace_pc();
extern "C" __attribute__((no_sanitize_address)) void __sanitizer_cov_trace_pc() {
  const uintptr_t here = (uintptr_t)__builtin_return_address(0);
  uint8_t& count = reached[(here ^ before) % places];
  count = (uint8_t)(count + (count < 255));
  before = here >> 1;
}

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: %s SECONDS SEED [[keep] FOLDER | CASE...]\n", arguments[0]);
    return 2;
  }
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(keep_case);
  for (const int signal : {SIGABRT, SIGALRM, SIGBUS, SIGTERM}) std::signal(signal, ended);
  const double seconds = std::atof(arguments[1]);
  Random random(std::strtoull(arguments[2], nullptr, 10));
  std::vector<std::vector<uint8_t>> corpus;
  std::string folder;
  bool keep = false;
  for (int i = 3; i < count; ++i) {
    const std::string path = arguments[i];
    struct stat status {};
    if (path == "keep") keep = true;
    else if (!stat(path.c_str(), &status) && S_ISDIR(status.st_mode)) {
      folder = path;
      std::vector<std::string> names;
      if (DIR* entries = opendir(path.c_str())) {
        while (const dirent* entry = readdir(entries))
          if (entry->d_name[0] != '.') names.push_back(entry->d_name);
        closedir(entries);
      }
      std::sort(names.begin(), names.end());
      for (const std::string& name : names) corpus.push_back(read_file(path + "/" + name));
    } else corpus.push_back(read_file(path));
  }
  for (const auto& bytes : corpus) run(bytes);
  const size_t given = corpus.size();
  for (uint8_t i = 0; i < 32; ++i) corpus.push_back({i, (uint8_t)(i % 4)});
  uint64_t cases = given;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    std::vector<uint8_t> bytes = corpus[random() % 2 ? random() % corpus.size() : corpus.size() - 1 - random() % std::min<size_t>(corpus.size(), 32)];
    mutate(bytes, corpus[random() % corpus.size()], random);
    ++cases;
    if (run(bytes)) corpus.push_back(std::move(bytes));
  }
  size_t places_known = 0;
  for (const uint8_t kinds : known) places_known += kinds != 0;
  std::printf("%llu cases, %zu that were new, %zu places: no fault\n", (unsigned long long)cases, corpus.size() - given, places_known);
  for (size_t i = corpus.size(), kept = given; keep && i-- > given && kept < most_kept; ++kept) {
    const std::string path = folder + "/" + std::to_string(kept);
    if (FILE* file = std::fopen(path.c_str(), "wb")) {
      std::fwrite(corpus[i].data(), 1, corpus[i].size(), file);
      std::fclose(file);
    }
  }
  return 0;
}
