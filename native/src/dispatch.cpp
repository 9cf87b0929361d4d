#include "dispatch.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include "failure.h"
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace elanus {

extern const Table table_portable;
#if defined(__x86_64__)
extern const Table table_avx2, table_avx512;
#elif defined(__aarch64__) && defined(__linux__)
extern const Table table_neon;
#endif

namespace {

std::atomic<const Table*> chosen = nullptr;

// Null if this build or this processor does not have it. What is asked here covers the flags in scripts/build-addon.mjs.
const Table* named(const char* name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("popcnt");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  if (avx512 && !std::strcmp(name, table_avx512.name)) return &table_avx512;
  if (avx2 && !std::strcmp(name, table_avx2.name)) return &table_avx2;
#elif defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long wanted = HWCAP_ASIMDDP | HWCAP_CRC32;
  if ((getauxval(AT_HWCAP) & wanted) == wanted && !std::strcmp(name, table_neon.name)) return &table_neon;
#endif
  return std::strcmp(name, table_portable.name) ? nullptr : &table_portable;
}

const Table* required(const char* name) {
  const Table* found = named(name);
  if (!found) fail(ELANUS_INVALID, "instruction set \"%.40s\" is not to be had here: there are avx512, avx2, neon and portable", name);
  return found;
}

const Table* best() {
  const char* wish = std::getenv("ELANUS_ISA");
  if (wish && *wish) return required(wish);
  for (const char* name : {"avx512", "avx2", "neon"})
    if (const Table* found = named(name)) return found;
  return &table_portable;
}

}  // namespace

const Table& table() {
  const Table* now = chosen.load(std::memory_order_acquire);
  if (!now) chosen.store(now = best(), std::memory_order_release);
  return *now;
}

void use_table(const char* name) { chosen.store(required(name), std::memory_order_release); }

}  // namespace elanus
