// The N-API face: typed arrays and numbers in, typed arrays written in place. Nothing here decides anything; src/kernel/native.ts
// has checked every argument, and the C ABI checks lengths once more.
//
// Synchronous calls throw an Error with the kernel's text. Jobs are named by tickets that JavaScript chooses; their ends come
// through one callback: (ticket, status, text).
//
// Always true:
//  - each environment (main thread or worker) has its own state, held by its instance data and by its jobs;
//  - a job holds references to the typed arrays it reads and writes until its end was delivered; their buffers must not be
//    detached meanwhile;
//  - with no job under way the thread-safe function keeps no process alive; one call of it delivers all ends there are;
//  - an environment that ends cancels its jobs and waits until nothing of its memory is read any more.
#include <node_api.h>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>
#include "../include/elanus_filter.h"
#include "../include/elanus_lists.h"
#include "../include/elanus_bands.h"
#include "../include/elanus_slim.h"
#include "../include/elanus_sparse.h"

namespace {

struct Environment;

struct Pending {
  std::shared_ptr<Environment> environment;
  double ticket = 0;
  napi_ref held = nullptr;
  elanus_job* job = nullptr;
  int64_t index = -1;   // of findNotFinite
  elanus_index opened = 0;   // until it is delivered
  int status = ELANUS_OK;
  elanus_error error = {};
  ~Pending() {
    elanus_job_release(job);
    if (opened) elanus_index_close(opened, nullptr);
  }
};

struct Environment {
  napi_threadsafe_function deliver = nullptr;
  std::unordered_map<double, Pending*> pending;   // this thread's only
  std::mutex lock;
  std::condition_variable ended;
  std::vector<Pending*> done;
  size_t running = 0;
  bool called = false;   // a call is on its way, and will see all of `done`
};

using Held = std::shared_ptr<Environment>;

Environment& environment_of(napi_env env) {
  Held* held = nullptr;
  napi_get_instance_data(env, (void**)&held);
  return **held;
}

// On any thread. Afterwards the job touches nothing of JavaScript's.
void job_done(void* context, int status, const char* text) {
  Pending* pending = (Pending*)context;
  Held environment = pending->environment;   // outlives the unlocking below
  std::lock_guard<std::mutex> hold(environment->lock);
  pending->status = status;
  std::strncpy(pending->error.text, text, sizeof pending->error.text - 1);
  environment->done.push_back(pending);
  if (!environment->called && environment->deliver) {
    environment->called = true;
    napi_call_threadsafe_function(environment->deliver, nullptr, napi_tsfn_nonblocking);
  }
  --environment->running;
  environment->ended.notify_all();
}

void deliver(napi_env env, napi_value callback, void*, void*) {
  if (!env) return;
  Environment& environment = environment_of(env);
  std::vector<Pending*> done;
  {
    std::lock_guard<std::mutex> hold(environment.lock);
    environment.called = false;
    done.swap(environment.done);
  }
  for (Pending* pending : done) {
    environment.pending.erase(pending->ticket);
    napi_delete_reference(env, pending->held);
  }
  if (environment.pending.empty()) napi_unref_threadsafe_function(env, environment.deliver);
  for (Pending* raw : done) {
    std::unique_ptr<Pending> pending(raw);
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value global, arguments[4];
    napi_get_global(env, &global);
    napi_create_double(env, pending->ticket, &arguments[0]);
    napi_create_int32(env, pending->status, &arguments[1]);
    napi_create_string_utf8(env, pending->error.text, NAPI_AUTO_LENGTH, &arguments[2]);
    napi_create_int64(env, pending->opened ? (int64_t)pending->opened : pending->index, &arguments[3]);
    pending->opened = 0;
    napi_call_function(env, global, callback, 4, arguments, nullptr);
    napi_close_handle_scope(env, scope);
  }
}

// When the environment ends: typed arrays go next, so nothing may read them any more.
void leave(void* data) {
  Environment& environment = **(Held*)data;
  for (auto& [ticket, pending] : environment.pending) elanus_job_cancel(pending->job);
  {
    std::unique_lock<std::mutex> hold(environment.lock);
    environment.deliver = nullptr;
    environment.ended.wait(hold, [&] { return environment.running == 0; });
  }
  for (auto& [ticket, pending] : environment.pending) delete pending;
  environment.pending.clear();
}

// ------------------------------------------------------------------------------------------------------------- arguments

constexpr size_t most_arguments = 18;

class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = most_arguments;
    napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
  }

  napi_env env() const { return env_; }
  bool good() const { return good_; }

  double number(size_t i) {
    double value = 0;
    if (napi_get_value_double(env_, values_[i], &value) != napi_ok) bad("a number was expected");
    return value;
  }
  uint64_t whole(size_t i) {
    const double value = number(i);
    if (value >= 0 && value < 0x1p53 && value == (double)(uint64_t)value) return (uint64_t)value;
    bad("a whole number was expected");
    return 0;
  }
  uint32_t whole32(size_t i) {
    const uint64_t value = whole(i);
    if (value <= 0xffffffffu) return (uint32_t)value;
    bad("a number is too large");
    return 0;
  }
  bool is_null(size_t i) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env_, values_[i], &type);
    return type == napi_null;
  }
  // Null for null.
  template <class T> T* array(size_t i, napi_typedarray_type wanted, uint64_t* length) {
    *length = 0;
    if (is_null(i)) return nullptr;
    napi_typedarray_type type;
    size_t count = 0;
    void* data = nullptr;
    bool typed = false;
    napi_is_typedarray(env_, values_[i], &typed);
    if (!typed || napi_get_typedarray_info(env_, values_[i], &type, &count, &data, nullptr, nullptr) != napi_ok || type != wanted) {
      bad("a typed array of another kind was expected");
      return nullptr;
    }
    *length = count;
    return (T*)data;
  }
  // A typed array of any kind whose entries have so many bytes. Which kind belongs to which element is known to native.ts.
  void* entries(size_t i, uint32_t entry_bytes, uint64_t* length) {
    *length = 0;
    napi_typedarray_type type;
    size_t count = 0;
    void* data = nullptr;
    bool typed = false;
    napi_is_typedarray(env_, values_[i], &typed);
    if (!typed || napi_get_typedarray_info(env_, values_[i], &type, &count, &data, nullptr, nullptr) != napi_ok || bytes_of(type) != entry_bytes) {
      bad("a typed array of another kind was expected");
      return nullptr;
    }
    *length = count;
    return data;
  }
  bool text(size_t i, char* to, size_t size) {
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, values_[i], nullptr, 0, &length) != napi_ok || length >= size) {
      bad("a shorter text was expected");
      return false;
    }
    napi_get_value_string_utf8(env_, values_[i], to, size, &length);
    if (std::strlen(to) == length) return true;
    bad("a text holds a zero byte");
    return false;
  }

  napi_ref hold_arguments() {
    napi_value all;
    napi_ref reference = nullptr;
    napi_create_array_with_length(env_, most_arguments, &all);
    for (size_t i = 0; i < most_arguments; ++i)
      if (values_[i]) napi_set_element(env_, all, (uint32_t)i, values_[i]);
    napi_create_reference(env_, all, 1, &reference);
    return reference;
  }

  napi_value fail(const char* text) {
    bad(text);
    return nullptr;
  }
  napi_value done(int status, const elanus_error& error) { return status == ELANUS_OK ? nullptr : fail(error.text); }
  napi_value number_result(int status, const elanus_error& error, double value) {
    if (status != ELANUS_OK) return fail(error.text);
    napi_value result = nullptr;
    napi_create_double(env_, value, &result);
    return result;
  }

 private:
  static uint32_t bytes_of(napi_typedarray_type type) {
    switch (type) {
      case napi_float32_array: return 4;
      case napi_uint16_array: return 2;
      case napi_int8_array:
      case napi_uint8_array: return 1;
      default: return 0;
    }
  }

  void bad(const char* text) {
    if (good_) napi_throw_error(env_, nullptr, text);
    good_ = false;
  }

  napi_env env_;
  napi_value values_[most_arguments] = {};
  bool good_ = true;
};

// ------------------------------------------------------------------------------------------------------------------ rows

// (element, dimension)
napi_value create_rows(Call& call) {
  elanus_error error;
  elanus_rows rows = 0;
  const uint32_t element = call.whole32(0), dimension = call.whole32(1);
  if (!call.good()) return nullptr;
  const int status = elanus_rows_create(element, dimension, &rows, &error);
  return call.number_result(status, error, (double)rows);
}

// Throws if the rows are not open.
bool describe(Call& call, uint64_t rows, elanus_description* description) {
  elanus_error error;
  if (call.good() && elanus_rows_describe(rows, description, &error) != ELANUS_OK) call.fail(error.text);
  return call.good();
}

// (rows, entries)
napi_value append_rows(Call& call) {
  elanus_error error;
  elanus_description about;
  uint64_t length, count = 0;
  const uint64_t rows = call.whole(0);
  if (!describe(call, rows, &about)) return nullptr;
  const void* values = call.entries(1, about.entry_bytes, &length);
  if (!call.good()) return nullptr;
  const int status = elanus_rows_append(rows, values, length, &count, &error);
  return call.number_result(status, error, (double)count);
}

// (path, offset, rowCount, element, dimension)
napi_value map_rows(Call& call) {
  static thread_local char path[1 << 15];
  elanus_error error;
  elanus_rows rows = 0;
  if (!call.text(0, path, sizeof path)) return nullptr;
  const uint64_t offset = call.whole(1), row_count = call.whole(2);
  const uint32_t element = call.whole32(3), dimension = call.whole32(4);
  if (!call.good()) return nullptr;
  const int status = elanus_rows_map(path, offset, row_count, element, dimension, &rows, &error);
  return call.number_result(status, error, (double)rows);
}

// (rows, Float64Array of 4): element, dimension, rows, bytes.
napi_value describe_rows(Call& call) {
  elanus_error error;
  elanus_description description;
  uint64_t length;
  const uint64_t rows = call.whole(0);
  double* out = call.array<double>(1, napi_float64_array, &length);
  if (!call.good()) return nullptr;
  if (length < 4) return call.fail("four places are needed");
  if (const int status = elanus_rows_describe(rows, &description, &error)) return call.done(status, error);
  out[0] = description.element;
  out[1] = description.dimension;
  out[2] = (double)description.row_count;
  out[3] = (double)description.bytes;
  return nullptr;
}

napi_value gather_rows(Call& call) {
  elanus_error error;
  elanus_description about;
  uint64_t number_count, value_count;
  const uint64_t rows = call.whole(0);
  const uint32_t* numbers = call.array<uint32_t>(1, napi_uint32_array, &number_count);
  if (!describe(call, rows, &about)) return nullptr;
  void* values = call.entries(2, about.entry_bytes, &value_count);
  if (!call.good()) return nullptr;
  return call.done(elanus_rows_gather(rows, numbers, number_count, values, value_count, &error), error);
}

napi_value close_rows(Call& call) {
  elanus_error error;
  const uint64_t rows = call.whole(0);
  if (!call.good()) return nullptr;
  return call.done(elanus_rows_close(rows, &error), error);
}

napi_value open_handles(Call& call) { return call.number_result(ELANUS_OK, {}, (double)elanus_open_handles()); }

// ------------------------------------------------------------------------------------------------------------------ jobs

// `start` gets the context and the place for the job.
template <class Start> napi_value begin(Call& call, double ticket, std::unique_ptr<Pending> pending, Start start) {
  Held* held = nullptr;
  napi_get_instance_data(call.env(), (void**)&held);
  Environment& environment = **held;
  pending->environment = *held;
  pending->ticket = ticket;
  if (!environment.pending.emplace(ticket, pending.get()).second) return call.fail("the ticket is in use");
  {
    std::lock_guard<std::mutex> hold(environment.lock);
    ++environment.running;
  }
  elanus_error error;
  if (const int status = start(pending.get(), &pending->job, &error)) {
    {
      std::lock_guard<std::mutex> hold(environment.lock);
      --environment.running;
    }
    environment.pending.erase(ticket);
    return call.done(status, error);
  }
  // The end is delivered on this thread, so not before this function has returned.
  pending.release()->held = call.hold_arguments();
  if (environment.pending.size() == 1) napi_ref_threadsafe_function(call.env(), environment.deliver);
  return nullptr;
}

// From the second argument on. False: an error was thrown.
bool read_search(Call& call, elanus_search& plan) {
  elanus_description about;
  plan.rows = call.whole(1);
  plan.row_count = call.whole(2);
  if (!describe(call, plan.rows, &about)) return false;
  plan.queries = call.entries(3, about.entry_bytes, &plan.query_value_count);
  plan.metric = call.whole32(4);
  plan.k = call.whole32(5);
  plan.allowed = call.array<uint8_t>(6, napi_uint8_array, &plan.allowed_bytes);
  plan.rank = call.array<uint32_t>(7, napi_uint32_array, &plan.rank_count);
  plan.has_outer = !call.is_null(8);
  plan.has_inner = !call.is_null(9);
  if (plan.has_outer) plan.outer = (float)call.number(8);
  if (plan.has_inner) plan.inner = (float)call.number(9);
  plan.hit_rows = call.array<uint32_t>(10, napi_uint32_array, &plan.hit_row_count);
  plan.hit_scores = call.array<float>(11, napi_float32_array, &plan.hit_score_count);
  plan.tied = call.array<uint8_t>(12, napi_uint8_array, &plan.tied_count);
  plan.hash_bits = call.whole32(13);
  if (!call.good()) return false;
  // An empty typed array may have no memory at all, and null would mean that all rows are allowed.
  static const uint64_t nothing = 0;
  if (!call.is_null(6) && !plan.allowed) plan.allowed = (const uint8_t*)&nothing;
  if (!call.is_null(7) && !plan.rank) plan.rank = (const uint32_t*)&nothing;
  return true;
}

// (ticket, rows, rowCount, queries, metric, k, allowed | null, rank | null, outer | null, inner | null, hitRows, hitScores, tied,
//  hashBits)
napi_value search(Call& call) {
  elanus_search plan = {};
  const double ticket = call.number(0);
  if (!read_search(call, plan)) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_search_start(&plan, job_done, pending, job, error);
  });
}

// The same, without a ticket, on this thread.
napi_value search_now(Call& call) {
  elanus_search plan = {};
  elanus_error error;
  if (!read_search(call, plan)) return nullptr;
  return call.done(elanus_search_now(&plan, &error), error);
}

// (ticket, rows, ends, queries, queryEnds, metric, k, allowed | null, rank | null, hitRows, hitScores, tied)
napi_value list_search(Call& call) {
  elanus_list_search plan = {};
  elanus_description about;
  const double ticket = call.number(0);
  plan.rows = call.whole(1);
  if (!describe(call, plan.rows, &about)) return nullptr;
  plan.ends = call.array<uint32_t>(2, napi_uint32_array, &plan.end_count);
  plan.queries = call.entries(3, about.entry_bytes, &plan.query_value_count);
  plan.query_ends = call.array<uint32_t>(4, napi_uint32_array, &plan.query_end_count);
  plan.metric = call.whole32(5);
  plan.k = call.whole32(6);
  plan.allowed = call.array<uint8_t>(7, napi_uint8_array, &plan.allowed_bytes);
  plan.rank = call.array<uint32_t>(8, napi_uint32_array, &plan.rank_count);
  plan.hit_rows = call.array<uint32_t>(9, napi_uint32_array, &plan.hit_row_count);
  plan.hit_scores = call.array<float>(10, napi_float32_array, &plan.hit_score_count);
  plan.tied = call.array<uint8_t>(11, napi_uint8_array, &plan.tied_count);
  if (!call.good()) return nullptr;
  if (!plan.end_count || !plan.query_end_count) return call.fail("the ends of lists are missing");
  plan.list_count = plan.end_count - 1;
  plan.query_count = plan.query_end_count - 1;
  // As above: an empty array is not null.
  static const uint64_t nothing = 0;
  if (!call.is_null(7) && !plan.allowed) plan.allowed = (const uint8_t*)&nothing;
  if (!call.is_null(8) && !plan.rank) plan.rank = (const uint32_t*)&nothing;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_list_search_start(&plan, job_done, pending, job, error);
  });
}

// (ticket, element, entries), where an entry of element 0 has four bytes and any other two
napi_value find_not_finite(Call& call) {
  uint64_t count;
  const double ticket = call.number(0);
  const uint32_t element = call.whole32(1);
  const void* values = call.entries(2, element == ELANUS_FLOAT32 ? 4 : 2, &count);
  if (!call.good()) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_find_not_finite_start(element, values, count, &pending->index, job_done, pending, job, error);
  });
}

napi_value find_not_finite_now(Call& call) {
  elanus_error error;
  uint64_t count;
  int64_t index = -1;
  const uint32_t element = call.whole32(0);
  const void* values = call.entries(1, element == ELANUS_FLOAT32 ? 4 : 2, &count);
  if (!call.good()) return nullptr;
  const int status = elanus_find_not_finite(element, values, count, &index, &error);
  return call.number_result(status, error, (double)index);
}

napi_value cancel(Call& call) {
  Environment& environment = environment_of(call.env());
  auto found = environment.pending.find(call.number(0));
  if (found != environment.pending.end()) elanus_job_cancel(found->second->job);
  return nullptr;
}

#include "node_index.h"
#include "node_filter.h"
#include "node_sparse.h"

// --------------------------------------------------------------------------------------------------------------- the rest

// (inserts, deletes | null, rowCount, timestamp, bits)
napi_value visible_rows(Call& call, napi_value timestamp_value) {
  elanus_error error;
  uint64_t insert_count, delete_count, bit_bytes, timestamp = 0;
  bool lossless = false;
  const uint64_t* inserts = call.array<uint64_t>(0, napi_biguint64_array, &insert_count);
  const uint64_t* deletes = call.array<uint64_t>(1, napi_biguint64_array, &delete_count);
  const uint64_t row_count = call.whole(2);
  uint8_t* bits = call.array<uint8_t>(4, napi_uint8_array, &bit_bytes);
  if (!call.good()) return nullptr;
  if (napi_get_value_bigint_uint64(call.env(), timestamp_value, &timestamp, &lossless) != napi_ok || !lossless)
    return call.fail("the timestamp is no unsigned 64-bit integer");
  return call.done(elanus_visible_rows(inserts, insert_count, deletes, delete_count, row_count, timestamp, bits, bit_bytes, &error), error);
}

napi_value read_probe(Call& call) {
  elanus_error error;
  uint64_t sum = 0;
  const uint64_t rows = call.whole(0), row_count = call.whole(1);
  if (!call.good()) return nullptr;
  const int status = elanus_read_probe(rows, row_count, &sum, &error);
  return call.number_result(status, error, (double)sum);
}

napi_value set_threads(Call& call) {
  elanus_error error;
  const uint32_t threads = call.whole32(0);
  if (!call.good()) return nullptr;
  return call.done(elanus_set_threads(threads, &error), error);
}

napi_value threads(Call& call) { return call.number_result(ELANUS_OK, {}, elanus_threads()); }

napi_value instruction_set(Call& call) {
  elanus_error error;
  const char* name = "";
  if (const int status = elanus_instruction_set(&name, &error)) return call.done(status, error);
  napi_value result = nullptr;
  napi_create_string_utf8(call.env(), name, NAPI_AUTO_LENGTH, &result);
  return result;
}

napi_value use_instruction_set(Call& call) {
  elanus_error error;
  char name[64];
  if (!call.text(0, name, sizeof name)) return nullptr;
  return call.done(elanus_use_instruction_set(name, &error), error);
}

// (callback): once in each environment, before anything else.
napi_value start(Call& call, napi_value callback) {
  void* before = nullptr;
  napi_get_instance_data(call.env(), &before);
  if (before) return call.fail("the kernel is started already");
  auto* held = new Held(std::make_shared<Environment>());
  napi_value name;
  napi_create_string_utf8(call.env(), "elanus kernel", NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(call.env(), callback, nullptr, name, 0, 1, nullptr, nullptr, nullptr, deliver, &(*held)->deliver) != napi_ok) {
    delete held;
    return call.fail("a function was expected");
  }
  napi_unref_threadsafe_function(call.env(), (*held)->deliver);
  napi_set_instance_data(call.env(), held, [](napi_env, void* data, void*) { delete (Held*)data; }, nullptr);
  napi_add_env_cleanup_hook(call.env(), leave, held);   // runs before the thread-safe function's own, which is older
  return nullptr;
}

template <napi_value (*body)(Call&)> napi_value plain(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return body(call);
}
template <napi_value (*body)(Call&)> napi_value started(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return data ? body(call) : call.fail("the kernel is not started");
}
template <napi_value (*body)(Call&, napi_value), size_t place> napi_value started_with_value(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  if (!data) return call.fail("the kernel is not started");
  napi_value values[most_arguments] = {};
  size_t count = most_arguments;
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  return body(call, values[place]);
}
template <napi_value (*body)(Call&, napi_value), size_t place> napi_value with_value(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value values[most_arguments] = {};
  size_t count = most_arguments;
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  return body(call, values[place]);
}

}  // namespace

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback call;
  } all[] = {
      {"start", with_value<start, 0>},
      {"createRows", plain<create_rows>},
      {"appendRows", plain<append_rows>},
      {"mapRows", plain<map_rows>},
      {"describeRows", plain<describe_rows>},
      {"gatherRows", plain<gather_rows>},
      {"closeRows", plain<close_rows>},
      {"openHandles", plain<open_handles>},
      {"search", started<search>},
      {"searchNow", plain<search_now>},
      {"listSearch", started<list_search>},
      {"findNotFinite", started<find_not_finite>},
      {"findNotFiniteNow", plain<find_not_finite_now>},
      {"cancel", started<cancel>},
      {"visibleRows", with_value<visible_rows, 3>},
      {"readProbe", plain<read_probe>},
      {"setThreads", plain<set_threads>},
      {"threads", plain<threads>},
      {"instructionSet", plain<instruction_set>},
      {"useInstructionSet", plain<use_instruction_set>},
      {"buildIndex", started<build_index>},
      {"buildLists", started<build_lists>},
      {"buildSlim", started<build_slim>},
      {"buildBands", started<build_bands>},
      {"openIndex", started<open_index>},
      {"searchIndex", started<search_index>},
      {"searchIndexNow", plain<search_index_now>},
      {"closeIndex", plain<close_index>},
      {"createGrowing", plain<create_growing>},
      {"extendGrowing", started<extend_growing>},
      {"closeGrowing", plain<close_growing>},
      {"describeIndex", plain<describe_index>},
      {"tellIndex", plain<tell_index>},
      {"describeLists", plain<describe_lists>},
      {"describeSlim", plain<describe_slim>},
      {"describeBands", plain<describe_bands>},
      {"progress", started<progress>},
      {"memoryUsed", plain<memory_used>},
      {"filter", started_with_value<filter, 3>},
      {"readPlaces", started_with_value<read_places, 7>},
      {"createSparse", plain<create_sparse>},
      {"appendSparse", plain<append_sparse>},
      {"describeSparse", plain<describe_sparse>},
      {"sparseLengths", plain<sparse_lengths>},
      {"gatherSparse", plain<gather_sparse>},
      {"searchSparse", started<search_sparse>},
      {"dropSparseLists", plain<drop_sparse_lists>},
      {"buildPostings", started<build_postings>},
      {"describePostings", plain<describe_postings>},
  };
  for (const auto& one : all) {
    napi_value function;
    napi_create_function(env, one.name, NAPI_AUTO_LENGTH, one.call, nullptr, &function);
    napi_set_named_property(env, exports, one.name, function);
  }
  return exports;
}
