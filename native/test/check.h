// What the programs that check the C ABI share: counting checks, and waiting for the end of a job.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include "../include/elanus_kernel.h"

static std::atomic<int> checks = 0, failures = 0;
[[maybe_unused]] static void check_that(bool good, const char* what, const char* file, int line) {
  ++checks;
  if (good) return;
  ++failures;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
}
#define CHECK(x) check_that((x), #x, __FILE_NAME__, __LINE__)

struct End {
  std::mutex lock;
  std::condition_variable wake;
  int calls = 0, status = -1;
  static void call(void* context, int status, const char*) {
    End& end = *(End*)context;
    std::lock_guard<std::mutex> hold(end.lock);
    ++end.calls;
    end.status = status;
    end.wake.notify_one();
  }
  int wait() {
    std::unique_lock<std::mutex> hold(lock);
    wake.wait(hold, [&] { return calls > 0; });
    return status;
  }
};
