#include "job.h"
#include <exception>
#include <new>

namespace elanus {

bool Job::claim(uint64_t* piece, bool* more) {
  std::lock_guard<std::mutex> hold(lock_);
  if (stopped() || ended_ || next_ >= pieces_) return false;
  *piece = next_++;
  *more = next_ < pieces_;
  ++running_;
  return true;
}

void Job::note(const Failure& failure) {
  std::lock_guard<std::mutex> hold(lock_);
  if (failure_.status == ELANUS_OK) failure_ = failure;
  stopped_.store(true, std::memory_order_relaxed);
}

bool Job::run(uint64_t piece) {
  auto guarded = [this](auto&& action) {
    try {
      action();
    } catch (const Failure& failure) {
      note(failure);
    } catch (const std::bad_alloc&) {
      note({ELANUS_MEMORY, {"no memory for the job"}});
    } catch (...) {
      note({ELANUS_INTERNAL, {"an unexpected exception"}});
    }
  };
  guarded([&] { work(piece); });
  {
    std::lock_guard<std::mutex> hold(lock_);
    ++finished_;
    const bool last = finished_ == pieces_ || (stopped() && running_ == 1);
    if (!last) {
      --running_;
      return false;
    }
  }
  // This thread alone is left, and counts as running, so that a cancellation leaves the end to it.
  Round round = Round::interrupted;
  uint64_t pieces = 0;
  if (!stopped() || is_made()) guarded([&] { round = settle(&pieces); });
  {
    std::lock_guard<std::mutex> hold(lock_);
    --running_;
    if (round == Round::again && !stopped()) {
      pieces_ = pieces;
      next_ = finished_ = 0;
      return true;
    }
    ended_ = true;
  }
  if (failure_.status != ELANUS_OK) end(failure_.status, failure_.error.text);
  else if (round == Round::complete) end(ELANUS_OK, "");
  else end(ELANUS_CANCELLED, "cancelled");
  return false;
}

void Job::cancel() {
  {
    std::lock_guard<std::mutex> hold(lock_);
    stopped_.store(true, std::memory_order_relaxed);
    if (ended_ || running_) return;
    ended_ = true;
  }
  end(ELANUS_CANCELLED, "cancelled");
}

void Job::end(int status, const char* text) {
  let_go();
  done_(context_, status, text);
}

}  // namespace elanus
