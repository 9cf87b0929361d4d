// What all functions of the C ABI do: turn failures into a status and a text, start jobs, wait for them.
#pragma once
#include <condition_variable>
#include <cstring>
#include <memory>
#include <new>
#include "job.h"

struct elanus_job {
  std::shared_ptr<elanus::Job> job;
};

namespace elanus {

inline int report(const Failure& failure, elanus_error* error) {
  if (error) *error = failure.error;
  return failure.status;
}

template <class Action> int guarded(elanus_error* error, Action action) {
  try {
    action();
    return ELANUS_OK;
  } catch (const Failure& failure) {
    return report(failure, error);
  } catch (const std::bad_alloc&) {
    return report({ELANUS_MEMORY, {"no memory"}}, error);
  } catch (...) {
    return report({ELANUS_INTERNAL, {"an unexpected exception"}}, error);
  }
}

inline void require(const void* pointer) {
  if (!pointer) fail(ELANUS_INVALID, "a buffer is missing");
}

struct Waiter {
  std::mutex lock;
  std::condition_variable wake;
  bool done = false;
  Failure failure = {ELANUS_OK, {}};
};

inline void stop_waiting(void* context, int status, const char* text) {
  Waiter& waiter = *(Waiter*)context;
  std::lock_guard<std::mutex> hold(waiter.lock);
  waiter.failure.status = status;
  std::strncpy(waiter.failure.error.text, text, sizeof waiter.failure.error.text - 1);
  waiter.done = true;
  waiter.wake.notify_one();   // under the lock: the waiter is gone right after it
}

template <class Make> int wait_for(elanus_error* error, WorkClass kind, Make make) {
  return guarded(error, [&] {
    Waiter waiter;
    submit(make(stop_waiting, &waiter), kind);
    std::unique_lock<std::mutex> hold(waiter.lock);
    waiter.wake.wait(hold, [&] { return waiter.done; });
    if (waiter.failure.status != ELANUS_OK) throw waiter.failure;
  });
}

// All of it on the calling thread, before this returns.
template <class Make> int run_here(elanus_error* error, Make make) {
  return guarded(error, [&] {
    Failure end = {ELANUS_OK, {}};
    const elanus_done note = [](void* context, int status, const char* text) {
      Failure& failure = *(Failure*)context;
      failure.status = status;
      std::strncpy(failure.error.text, text, sizeof failure.error.text - 1);
    };
    const std::shared_ptr<Job> job = make(note, &end);
    uint64_t piece = 0;
    bool more = false;
    while (job->claim(&piece, &more)) job->run(piece);
    if (end.status != ELANUS_OK) throw end;
  });
}

inline void start(elanus_job** job, std::shared_ptr<Job> made, WorkClass kind) {
  auto held = std::make_unique<elanus_job>(elanus_job{made});
  submit(std::move(made), kind);
  *job = held.release();
}

}  // namespace elanus
