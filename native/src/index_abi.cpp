// The C ABI of indexes, of all kinds.
#include <algorithm>
#include "bands_build.h"
#include "bands_search.h"
#include "boundary.h"
#include "build.h"
#include "handles.h"
#include "index_job.h"
#include "index_open.h"
#include "index_search.h"
#include "lists_build.h"
#include "lists_search.h"
#include "slim_build.h"
#include "slim_keep.h"
#include "slim_search.h"

using namespace elanus;

namespace {

// Throws Failure for another kind.
template <class T> std::shared_ptr<const T> of_kind(uint64_t handle, IndexKind kind, const char* name) {
  auto index = find_index(handle);
  if (index->kind != kind) fail(ELANUS_INVALID, "index handle %llu is none of %s", (unsigned long long)handle, name);
  return std::static_pointer_cast<const T>(index);
}

std::shared_ptr<Job> make_index_search(const elanus_index_search& plan, elanus_done done, void* context) {
  auto index = find_index(plan.index);
  switch (index->kind) {
    case IndexKind::lists: return make_lists_search(plan, std::static_pointer_cast<const ListsIndex>(index), done, context);
    case IndexKind::bands: return make_bands_search(plan, std::static_pointer_cast<const BandsIndex>(index), done, context);
    case IndexKind::slim: return make_slim_search(plan, std::static_pointer_cast<const SlimIndex>(index), done, context);
    case IndexKind::postings: fail(ELANUS_INVALID, "lists of sparse rows are searched with sparse queries");
    default: return make_graph_search(plan, std::static_pointer_cast<const Index>(index), done, context);
  }
}

template <class Plan, class Make>
int start_build(const Plan* build, const char* path, elanus_done done, void* context, elanus_job** job, elanus_error* error, Make make) {
  return guarded(error, [&] {
    require(build);
    require(path);
    require((const void*)done);
    require(job);
    start(job, make(*build, path, done, context), WorkClass::build);
  });
}

template <class Plan, class Make> int wait_for_build(const Plan* build, const char* path, elanus_error* error, Make make) {
  return wait_for(error, WorkClass::build, [&](elanus_done done, void* context) {
    require(build);
    require(path);
    return make(*build, path, done, context);
  });
}

}  // namespace

int elanus_index_build_start(const elanus_index_build* build, const char* path, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return start_build(build, path, done, context, job, error, make_index_build);
}

int elanus_index_build_wait(const elanus_index_build* build, const char* path, elanus_error* error) {
  return wait_for_build(build, path, error, make_index_build);
}

double elanus_job_progress(const elanus_job* job) { return job ? job->job->progress() : 0; }

int elanus_index_open_start(const char* path, elanus_rows rows, uint32_t how, elanus_index* index, elanus_done done, void* context, elanus_job** job,
                            elanus_error* error) {
  return guarded(error, [&] {
    require(path);
    require(index);
    require((const void*)done);
    require(job);
    start(job, make_index_open(path, rows, how, index, done, context), WorkClass::other);
  });
}

int elanus_index_open_wait(const char* path, elanus_rows rows, uint32_t how, elanus_index* index, elanus_error* error) {
  return wait_for(error, WorkClass::other, [&](elanus_done done, void* context) {
    require(path);
    require(index);
    return make_index_open(path, rows, how, index, done, context);
  });
}

int elanus_index_close(elanus_index index, elanus_error* error) {
  return guarded(error, [&] { close_handle(index); });
}

int elanus_index_search_start(const elanus_index_search* search, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require(search);
    require((const void*)done);
    require(job);
    start(job, make_index_search(*search, done, context), WorkClass::search);
  });
}

int elanus_index_search_wait(const elanus_index_search* search, elanus_error* error) {
  return wait_for(error, WorkClass::search, [&](elanus_done done, void* context) {
    require(search);
    return make_index_search(*search, done, context);
  });
}

int elanus_index_search_now(const elanus_index_search* search, elanus_error* error) {
  return run_here(error, [&](elanus_done done, void* context) {
    require(search);
    auto job = make_index_search(*search, done, context);
    if (const auto limited = std::dynamic_pointer_cast<IndexJob>(job)) limited->limit_own_time();
    return job;
  });
}

int elanus_index_search_together(const elanus_index_search* searches, uint64_t count, elanus_error* error) {
  return guarded(error, [&] {
    if (count) require(searches);
    std::vector<std::pair<elanus_index_search, std::shared_ptr<const Index>>> all;
    for (uint64_t i = 0; i < count; ++i) all.push_back({searches[i], of_kind<Index>(searches[i].index, IndexKind::graph, "graphs")});
    search_together(all);
  });
}

int elanus_index_describe(elanus_index handle, elanus_index_description* description, elanus_error* error) {
  return guarded(error, [&] {
    require(description);
    const auto index = of_kind<Index>(handle, IndexKind::graph, "graphs");
    const GridState& grid = index->grid.state();
    elanus_index_description& d = *description;
    d = {};
    d.metric = (uint32_t)grid.metric;
    d.dimension = grid.dimension;
    d.degree = index->degree;
    d.beam = index->beam;
    d.seed = grid.seed;
    d.row_count = index->row_count;
    d.graph_row_count = index->graph_row_count;
    d.code_bytes = index->codes.bytes() + index->terms.bytes();
    d.layout = (uint32_t)index->layout;
    d.slots = index->slots();
    d.list_bytes = index->lists.bytes() + index->blocks.bytes();
    d.cluster_count = index->clusters.count();
    d.cluster_bytes = index->clusters.bytes();
    d.other_bytes = index->sketches.bytes() + index->next_twin.bytes() + index->twin_heads.bytes() + index->grid.bytes();
    d.file_bytes = index->file_bytes;
    d.entry_count = (uint32_t)index->entries.size();
    std::copy(index->entries.begin(), index->entries.end(), d.entries);
    std::copy(index->rows_of_degree.begin(), index->rows_of_degree.end(), d.rows_of_degree);
    d.rows_of_degree[0] -= std::min(d.rows_of_degree[0], d.row_count - d.graph_row_count);
  });
}

int elanus_index_tell(elanus_index handle, elanus_index_about* about, elanus_error* error) {
  return guarded(error, [&] {
    require(about);
    const auto index = find_index(handle);
    const Layout layout = index->rows ? index->rows->layout() : Layout{Element::float32, 0};
    *about = {(uint32_t)index->kind, (uint32_t)layout.element, layout.dimension, index->rows ? layout.entry_bytes() : 0, index->indexed_rows(), index->mapped_bytes};
  });
}

int elanus_lists_build_start(const elanus_lists_build* build, const char* path, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return start_build(build, path, done, context, job, error, make_lists_build);
}

int elanus_lists_build_wait(const elanus_lists_build* build, const char* path, elanus_error* error) {
  return wait_for_build(build, path, error, make_lists_build);
}

int elanus_lists_describe(elanus_index handle, elanus_lists_description* description, elanus_error* error) {
  return guarded(error, [&] {
    require(description);
    const auto index = of_kind<ListsIndex>(handle, IndexKind::lists, "lists");
    const ListsShape& shape = index->shape;
    elanus_lists_description& d = *description;
    d = {};
    d.metric = shape.metric;
    d.dimension = shape.dimension;
    d.element = shape.element;
    d.lists = shape.lists;
    d.codes = (uint32_t)shape.codes;
    d.subspaces = shape.subspaces;
    d.bits = shape.bits;
    d.seed = shape.seed;
    d.row_count = shape.rows;
    d.loose_row_count = shape.loose;
    d.shortest_list = shape.lists ? ~0ull : 0;
    for (uint32_t i = 0; i < shape.lists; ++i) {
      const uint64_t length = index->starts[i + 1] - index->starts[i];
      d.empty_lists += !length;
      d.shortest_list = std::min(d.shortest_list, length);
      d.longest_list = std::max(d.longest_list, length);
    }
    d.centre_bytes = index->centres.codes.bytes() + index->centres.terms.bytes() + index->centres.all.size() * sizeof(uint32_t);
    d.number_bytes = index->numbers.bytes() + index->starts.bytes() + index->blocks.size() * sizeof(uint32_t);
    d.code_bytes = index->codes.bytes() + index->terms.bytes();
    d.other_bytes = index->book.words.bytes() + index->grid.bytes();
    d.file_bytes = index->file_bytes;
  });
}

int elanus_slim_build_start(const elanus_slim_build* build, const char* path, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return start_build(build, path, done, context, job, error, make_slim_build);
}

int elanus_slim_build_wait(const elanus_slim_build* build, const char* path, elanus_error* error) {
  return wait_for_build(build, path, error, make_slim_build);
}

int elanus_slim_keep_start(elanus_index index, uint64_t bytes, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require((const void*)done);
    require(job);
    start(job, make_slim_keep(of_kind<SlimIndex>(index, IndexKind::slim, "slim graphs"), bytes, done, context), WorkClass::other);
  });
}

int elanus_slim_keep_wait(elanus_index index, uint64_t bytes, elanus_error* error) {
  return wait_for(error, WorkClass::other, [&](elanus_done done, void* context) {
    return make_slim_keep(of_kind<SlimIndex>(index, IndexKind::slim, "slim graphs"), bytes, done, context);
  });
}

int elanus_slim_describe(elanus_index handle, elanus_slim_description* description, elanus_error* error) {
  return guarded(error, [&] {
    require(description);
    const auto index = of_kind<SlimIndex>(handle, IndexKind::slim, "slim graphs");
    const SlimShape& shape = index->shape;
    elanus_slim_description& d = *description;
    d = {shape.metric, shape.dimension, shape.element, shape.degree, shape.beam, (uint32_t)shape.codes, shape.subspaces, shape.bits, shape.stages, shape.seed, shape.rows, shape.graph_rows, 0, 0, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < index->lists.size(); ++i) d.neighbour_count += index->lists[i] != no_row;
    d.code_bytes = index->codes.bytes() + index->terms.bytes();
    d.list_bytes = index->lists.bytes();
    d.other_bytes = index->next_twin.bytes() + index->twin_heads.bytes() + index->grid.bytes() + index->words.bytes();
    d.file_bytes = index->file_bytes;
    if (const auto kept = index->kept()) d.kept_row_count = kept->count, d.kept_bytes = kept->bytes();
  });
}

int elanus_bands_build_start(const elanus_bands_build* build, const char* path, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return start_build(build, path, done, context, job, error, make_bands_build);
}

int elanus_bands_build_wait(const elanus_bands_build* build, const char* path, elanus_error* error) { return wait_for_build(build, path, error, make_bands_build); }

int elanus_bands_describe(elanus_index handle, elanus_bands_description* description, elanus_error* error) {
  return guarded(error, [&] {
    require(description);
    const auto index = of_kind<BandsIndex>(handle, IndexKind::bands, "bands");
    const BandsShape& shape = index->shape;
    elanus_bands_description& d = *description;
    d = {shape.dimension, shape.hash_bits, shape.bands, shape.band_hashes(), shape.seed, shape.rows, 0, 0, index->keys.bytes(), index->numbers.bytes(), index->file_bytes};
    for (uint32_t band = 0; band < shape.bands; ++band) {
      const uint32_t* keys = index->keys_of(band);
      uint64_t length = 0;
      for (uint64_t i = 0; i < shape.rows; ++i) {
        length = i && keys[i] == keys[i - 1] ? length + 1 : 1;
        d.bucket_count += length == 1;
        d.longest_bucket = std::max(d.longest_bucket, length);
      }
    }
  });
}

void elanus_memory_used(elanus_memory* memory) {
  if (memory) *memory = {memory_of(Owner::index), memory_of(Owner::build), memory_of(Owner::search), memory_of(Owner::mapped)};
}

int elanus_growing_create(const elanus_growing_plan* plan, elanus_growing* growing, elanus_error* error) {
  return guarded(error, [&] {
    require(plan);
    require(growing);
    if (plan->metric > ELANUS_COSINE) fail(ELANUS_INVALID, "metric %u is not known", plan->metric);
    *growing = open_handle(std::make_shared<GrowingIndex>(find_rows(plan->rows), (Metric)plan->metric, plan->degree, plan->beam, plan->seed));
  });
}

int elanus_growing_close(elanus_growing growing, elanus_error* error) {
  return guarded(error, [&] { close_handle(growing); });
}

int elanus_growing_extend_start(elanus_growing growing, uint64_t row_count, elanus_index* index, elanus_done done, void* context, elanus_job** job,
                                elanus_error* error) {
  return guarded(error, [&] {
    require(index);
    require((const void*)done);
    require(job);
    start(job, make_extension(find_growing(growing), row_count, index, done, context), WorkClass::other);
  });
}

int elanus_growing_extend_wait(elanus_growing growing, uint64_t row_count, elanus_index* index, elanus_error* error) {
  return wait_for(error, WorkClass::other, [&](elanus_done done, void* context) {
    require(index);
    return make_extension(find_growing(growing), row_count, index, done, context);
  });
}
