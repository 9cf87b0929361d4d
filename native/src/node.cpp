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

#include "node_call.h"
#include "node_rows.h"
#include "node_search.h"

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
      {"searchIndexesNow", plain<search_indexes_now>},
      {"closeIndex", plain<close_index>},
      {"createGrowing", plain<create_growing>},
      {"extendGrowing", started<extend_growing>},
      {"closeGrowing", plain<close_growing>},
      {"describeIndex", plain<describe_index>},
      {"tellIndex", plain<tell_index>},
      {"describeLists", plain<describe_lists>},
      {"describeSlim", plain<describe_slim>},
      {"keepRows", plain<keep_rows>},
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
