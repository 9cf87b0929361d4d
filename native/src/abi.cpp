// The C ABI: checks what no layer below could check, and turns failures into a status and a text.
#include <cstring>
#include "boundary.h"
#include "dispatch.h"
#include "handles.h"
#include "list_search.h"
#include "search.h"

using namespace elanus;

int elanus_rows_create(uint32_t element, uint32_t dimension, elanus_rows* rows, elanus_error* error) {
  return guarded(error, [&] {
    require(rows);
    *rows = open_handle(std::make_shared<Rows>(checked_layout(element, dimension)));
  });
}

int elanus_rows_append(elanus_rows rows, const void* entries, uint64_t entry_count, uint64_t* row_count, elanus_error* error) {
  return guarded(error, [&] {
    auto found = find_rows(rows);
    require(row_count);
    if (entry_count) require(entries);
    const uint32_t each = found->layout().entries();
    if (entry_count % each) fail(ELANUS_INVALID, "%llu values are no multiple of the %u of a row", (unsigned long long)entry_count, each);
    *row_count = found->append(entries, entry_count / each);
  });
}

int elanus_rows_map(const char* path, uint64_t offset, uint64_t row_count, uint32_t element, uint32_t dimension, elanus_rows* rows,
                    elanus_error* error) {
  return guarded(error, [&] {
    require(path);
    require(rows);
    *rows = open_handle(std::make_shared<Rows>(path, offset, row_count, checked_layout(element, dimension)));
  });
}

int elanus_rows_describe(elanus_rows rows, elanus_description* description, elanus_error* error) {
  return guarded(error, [&] {
    require(description);
    auto found = find_rows(rows);
    const uint64_t count = found->count();
    const Layout& layout = found->layout();
    *description = {(uint32_t)layout.element, layout.dimension, layout.entries(), layout.entry_bytes(), count, count * found->row_bytes()};
  });
}

int elanus_rows_gather(elanus_rows rows, const uint32_t* numbers, uint64_t number_count, void* entries, uint64_t entry_count,
                       elanus_error* error) {
  return guarded(error, [&] {
    auto found = find_rows(rows);
    const uint64_t each = found->layout().entries(), count = found->count();
    if (!number_count) return;
    require(numbers);
    require(entries);
    if (number_count > entry_count / each) fail(ELANUS_INVALID, "no room for %llu rows", (unsigned long long)number_count);
    for (uint64_t i = 0; i < number_count; ++i) {
      // Read once: the array may be shared with a thread that writes to it.
      const uint32_t number = __atomic_load_n(numbers + i, __ATOMIC_RELAXED);
      if (number >= count) fail(ELANUS_INVALID, "row %u does not exist: there are %llu", number, (unsigned long long)count);
      uint64_t run;
      std::memcpy((unsigned char*)entries + i * found->row_bytes(), found->at(number, &run), found->row_bytes());
    }
  });
}

int elanus_rows_close(elanus_rows rows, elanus_error* error) {
  return guarded(error, [&] { close_handle(rows); });
}

uint64_t elanus_open_handles(void) { return open_handle_count(); }

void elanus_job_cancel(elanus_job* job) {
  if (job) job->job->cancel();
}

void elanus_job_release(elanus_job* job) { delete job; }

int elanus_search_start(const elanus_search* search, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require(search);
    require((const void*)done);
    require(job);
    start(job, make_search(*search, done, context), WorkClass::search);
  });
}

int elanus_search_wait(const elanus_search* search, elanus_error* error) {
  return wait_for(error, WorkClass::search, [&](elanus_done done, void* context) {
    require(search);
    return make_search(*search, done, context);
  });
}

int elanus_search_now(const elanus_search* search, elanus_error* error) {
  return run_here(error, [&](elanus_done done, void* context) {
    require(search);
    return make_search(*search, done, context);
  });
}

int elanus_list_search_start(const elanus_list_search* search, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require(search);
    require((const void*)done);
    require(job);
    start(job, make_list_search(*search, done, context), WorkClass::search);
  });
}

int elanus_list_search_wait(const elanus_list_search* search, elanus_error* error) {
  return wait_for(error, WorkClass::search, [&](elanus_done done, void* context) {
    require(search);
    return make_list_search(*search, done, context);
  });
}

int elanus_find_not_finite_start(uint32_t element, const void* entries, uint64_t entry_count, int64_t* index, elanus_done done,
                                 void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require((const void*)done);
    require(job);
    start(job, make_find_not_finite(checked_element(element), entries, entry_count, index, done, context), WorkClass::other);
  });
}

int elanus_find_not_finite(uint32_t element, const void* entries, uint64_t entry_count, int64_t* index, elanus_error* error) {
  return guarded(error, [&] {
    require(index);
    if (entry_count) require(entries);
    const uint64_t first = table().first_not_finite(checked_element(element), entries, entry_count);
    *index = first == entry_count ? -1 : (int64_t)first;
  });
}

int elanus_visible_rows(const uint64_t* inserts, uint64_t insert_count, const uint64_t* deletes, uint64_t delete_count, uint64_t row_count,
                        uint64_t timestamp, uint8_t* bits, uint64_t bit_bytes, elanus_error* error) {
  return guarded(error, [&] {
    if (row_count > ELANUS_NO_ROW) fail(ELANUS_INVALID, "%llu rows are too many", (unsigned long long)row_count);
    if (row_count && !(inserts && bits)) fail(ELANUS_INVALID, "a buffer is missing");
    if (insert_count < row_count || (deletes && delete_count < row_count)) fail(ELANUS_INVALID, "too few timestamps for %llu rows", (unsigned long long)row_count);
    if (bit_bytes < (row_count + 63) / 64 * 8) fail(ELANUS_INVALID, "no room for the bits of %llu rows", (unsigned long long)row_count);
    for (uint64_t first = 0; first < row_count; first += 64) {
      const uint64_t count = row_count - first < 64 ? row_count - first : 64;
      uint64_t word = 0;
      for (uint64_t i = 0; i < count; ++i) {
        const bool visible = inserts[first + i] <= timestamp && (!deletes || timestamp < deletes[first + i]);
        word |= (uint64_t)visible << i;
      }
      std::memcpy(bits + first / 8, &word, sizeof word);
    }
  });
}

int elanus_read_probe(elanus_rows rows, uint64_t row_count, uint64_t* sum, elanus_error* error) {
  return guarded(error, [&] {
    require(sum);
    auto found = find_rows(rows);
    if (row_count > found->count()) fail(ELANUS_INVALID, "there are fewer than %llu rows", (unsigned long long)row_count);
    *sum = 0;
    uint64_t run;
    for (uint64_t row = 0; row < row_count; row += run) {
      const unsigned char* at = found->at(row, &run);
      run = run < row_count - row ? run : row_count - row;
      *sum += table().read(at, run * found->row_bytes());
    }
  });
}

int elanus_set_threads(uint32_t threads, elanus_error* error) {
  return guarded(error, [&] { set_threads(threads); });
}

uint32_t elanus_threads(void) { return thread_count(); }

int elanus_instruction_set(const char** name, elanus_error* error) {
  return guarded(error, [&] {
    require(name);
    *name = table().name;
  });
}

int elanus_use_instruction_set(const char* name, elanus_error* error) {
  return guarded(error, [&] {
    require(name);
    use_table(name);
  });
}
