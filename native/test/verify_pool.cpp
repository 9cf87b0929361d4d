// The pool without a kernel around it: searches and builds at once, builds that must get on beside searches without end, threads that come and go.
#include <sys/resource.h>
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <memory>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include "../src/pool.h"
#include "check.h"

using elanus::WorkClass;

// Pieces that call a function, and a count of those that have not run.
class Pieces final : public elanus::Work {
 public:
  Pieces(uint64_t count, std::function<void(uint64_t)> action) : count_(count), left_(count), action_(std::move(action)) {}

  bool claim(uint64_t* piece, bool* more) override {
    std::lock_guard<std::mutex> hold(lock_);
    if (next_ == count_) return false;
    *piece = next_++;
    *more = next_ < count_;
    return true;
  }
  bool run(uint64_t piece) override {
    action_(piece);
    std::lock_guard<std::mutex> hold(lock_);
    if (!--left_) wake_.notify_all();
    return false;
  }
  void wait() {
    std::unique_lock<std::mutex> hold(lock_);
    wake_.wait(hold, [this] { return !left_; });
  }

 private:
  const uint64_t count_;
  std::mutex lock_;
  std::condition_variable wake_;
  uint64_t next_ = 0, left_;
  const std::function<void(uint64_t)> action_;
};

static std::shared_ptr<Pieces> submitted(WorkClass kind, uint64_t count, std::function<void(uint64_t)> action) {
  auto work = std::make_shared<Pieces>(count, std::move(action));
  elanus::submit(work, kind);
  return work;
}

// How many are inside at once, at most.
struct Crowd {
  std::atomic<uint32_t> inside = 0, most = 0, all = 0;
  void enter() {
    const uint32_t now = ++inside;
    ++all;
    for (uint32_t before = most; before < now && !most.compare_exchange_weak(before, now);) {
    }
  }
  void leave() { --inside; }
};

// Each search piece submits the next one before it ends, so that there is always one; they end when the build has.
static void builds_get_on() {
  for (uint32_t threads : {1u, 2u}) {
    elanus::set_threads(threads);
    std::atomic<bool> built = false;
    std::atomic<uint32_t> chains = 0;
    std::function<void(uint64_t)> search = [&](uint64_t) {
      if (!built) submitted(WorkClass::search, 1, search);
      else --chains;
    };
    for (uint32_t i = 0; i < 2 * threads; ++i) {
      ++chains;
      submitted(WorkClass::search, 1, search);
    }
    submitted(WorkClass::build, 20, [](uint64_t) {})->wait();
    built = true;
    while (chains) std::this_thread::yield();
  }
}

// A search piece that ends only after a piece of a build: with one thread for both, the build would never begin.
static void a_search_that_waits_for_a_build() {
  elanus::set_threads(1);
  std::atomic<bool> begun = false;
  auto search = submitted(WorkClass::search, 1, [&](uint64_t) {
    while (!begun) std::this_thread::yield();
  });
  auto build = submitted(WorkClass::build, 1, [&](uint64_t) { begun = true; });
  search->wait();
  build->wait();
  // And the other way round: a search never waits for a build.
  begun = false;
  build = submitted(WorkClass::build, 1, [&](uint64_t) {
    while (!begun) std::this_thread::yield();
  });
  search = submitted(WorkClass::search, 1, [&](uint64_t) { begun = true; });
  build->wait();
  search->wait();
}

static void no_more_than_wanted() {
  elanus::set_threads(2);
  Crowd builders, servers;
  std::vector<std::shared_ptr<Pieces>> works;
  for (uint32_t i = 0; i < 60; ++i) {
    const auto kind = (WorkClass)(i % 3);
    works.push_back(submitted(kind, 1 + i % 7, [&crowd = kind == WorkClass::build ? builders : servers](uint64_t) {
      crowd.enter();
      std::this_thread::yield();
      crowd.leave();
    }));
  }
  for (auto& work : works) work->wait();
  for (Crowd* crowd : {&builders, &servers}) CHECK(crowd->most >= 1 && crowd->most <= 2);
  uint32_t pieces = 0;
  for (uint32_t i = 0; i < 60; ++i) pieces += 1 + i % 7;
  CHECK(builders.all + servers.all == pieces);
}

static void threads_come_and_go() {
  std::atomic<bool> stop = false;
  std::thread changer([&] {
    for (uint32_t n = 1; !stop; n = n % 5 + 1) {
      elanus::set_threads(n);
      std::this_thread::yield();
    }
  });
  std::atomic<uint32_t> ran = 0;
  std::vector<std::thread> callers;
  for (uint32_t t = 0; t < 3; ++t)
    callers.emplace_back([&, t] {
      for (uint32_t i = 0; i < 200; ++i) submitted((WorkClass)t, 3, [&](uint64_t) { ++ran; })->wait();
    });
  for (auto& caller : callers) caller.join();
  stop = true;
  changer.join();
  CHECK(ran == 3 * 200 * 3);
}

// Builds step back, and no other work does although a build was there first.
static void builds_step_back() {
#if defined(__linux__)
  struct Standing {
    int nice = 0, policy = 0;
    void look() {
      nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
      policy = sched_getscheduler(0);
    }
  } own, of[3];
  own.look();
  for (WorkClass kind : {WorkClass::build, WorkClass::other, WorkClass::search})
    submitted(kind, 1, [&](uint64_t) { of[(size_t)kind].look(); })->wait();
  for (WorkClass kind : {WorkClass::search, WorkClass::other})
    CHECK(of[(size_t)kind].nice == own.nice && of[(size_t)kind].policy == own.policy);
  CHECK(of[(size_t)WorkClass::build].nice == std::min(own.nice + 10, 19));
  CHECK(of[(size_t)WorkClass::build].policy == SCHED_BATCH);
#endif
}

int main() {
  builds_step_back();   // before any other thread of the pool is there
  a_search_that_waits_for_a_build();
  builds_get_on();
  no_more_than_wanted();
  threads_come_and_go();
  std::printf("pool: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
