// The part of the N-API face that is about indexes. Included by node.cpp, inside its unnamed namespace, and by nothing else.

// Begins a build of `plan`, which has rows, row count and metric already where there is one; the path stands at this place.
template <class Plan, class Start> napi_value begin_build(Call& call, const Plan& plan, size_t path, Start start) {
  const double ticket = call.number(0);
  if (!read_path(call, path)) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(),
               [&](Pending* pending, elanus_job** job, elanus_error* error) { return start(&plan, path_buffer(), job_done, pending, job, error); });
}

// The numbers that `tell` makes of a description, into the Float64Array behind the index.
template <class Description, class Describe, class Tell> napi_value describe_as(Call& call, Describe describe, Tell tell) {
  elanus_error error;
  Description description;
  uint64_t length;
  const uint64_t index = call.whole(0);
  double* out = call.array<double>(1, napi_float64_array, &length);
  if (!call.good()) return nullptr;
  if (const int status = describe(index, &description, &error)) return call.done(status, error);
  const std::vector<double> numbers = tell(description);
  if (length < numbers.size()) return call.fail("more places are needed");
  std::copy(numbers.begin(), numbers.end(), out);
  return nullptr;
}

// (ticket, rows, rowCount, metric, degree, beam, seed, path, layout)
napi_value build_index(Call& call) {
  elanus_index_build plan = {};
  plan.rows = call.whole(1);
  plan.row_count = call.whole(2);
  plan.metric = call.whole32(3);
  plan.degree = call.whole32(4);
  plan.beam = call.whole32(5);
  plan.seed = call.whole(6);
  plan.layout = call.whole32(8);
  return begin_build(call, plan, 7, elanus_index_build_start);
}

// (ticket, rows, rowCount, metric, lists, codes, subspaces, bits, seed, path)
napi_value build_lists(Call& call) {
  elanus_lists_build plan = {};
  plan.rows = call.whole(1);
  plan.row_count = call.whole(2);
  plan.metric = call.whole32(3);
  plan.lists = call.whole32(4);
  plan.codes = call.whole32(5);
  plan.subspaces = call.whole32(6);
  plan.bits = call.whole32(7);
  plan.seed = call.whole(8);
  return begin_build(call, plan, 9, elanus_lists_build_start);
}

// (ticket, rows, rowCount, metric, degree, beam, subspaces, bits, seed, path)
napi_value build_slim(Call& call) {
  elanus_slim_build plan = {};
  plan.rows = call.whole(1);
  plan.row_count = call.whole(2);
  plan.metric = call.whole32(3);
  plan.degree = call.whole32(4);
  plan.beam = call.whole32(5);
  plan.subspaces = call.whole32(6);
  plan.bits = call.whole32(7);
  plan.seed = call.whole(8);
  plan.codes = call.whole32(10);
  plan.stages = call.whole32(11);
  return begin_build(call, plan, 9, elanus_slim_build_start);
}

// (ticket, rows, rowCount, hashBits, bands, seed, path)
napi_value build_bands(Call& call) {
  elanus_bands_build plan = {};
  plan.rows = call.whole(1);
  plan.row_count = call.whole(2);
  plan.hash_bits = call.whole32(3);
  plan.bands = call.whole32(4);
  plan.seed = call.whole(5);
  return begin_build(call, plan, 6, elanus_bands_build_start);
}

// (ticket, path, rows, how); the handle comes where findNotFinite has its index.
napi_value open_index(Call& call) {
  const double ticket = call.number(0);
  const uint64_t rows = call.whole(2);
  const uint32_t how = call.whole32(3);
  if (!read_path(call, 1)) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_index_open_start(path_buffer(), rows, how, &pending->opened, job_done, pending, job, error);
  });
}

// From the second argument on. False: an error was thrown.
bool read_index_search(Call& call, elanus_index_search& plan) {
  plan.index = call.whole(1);
  elanus_index_about about;
  elanus_error error;
  if (!call.good()) return false;
  if (elanus_index_tell(plan.index, &about, &error)) return call.fail(error.text) != nullptr;
  plan.queries = call.entries(2, about.entry_bytes, &plan.query_value_count);
  plan.k = call.whole32(3);
  plan.ef = call.whole32(4);
  read_chosen(call, 5, plan);
  read_range(call, 7, plan);
  plan.time_limit_microseconds = call.whole(9);
  read_room(call, 10, plan);
  plan.work = call.array<double>(13, napi_float64_array, &plan.work_count);
  plan.probes = call.whole32(14);
  plan.reorder = call.whole32(15);
  plan.query_bits = call.whole32(16);
  plan.row_count = call.whole(17);
  plan.unscored = call.whole32(18);
  plan.unfiltered = call.whole32(19);
  return call.good();
}

// (ticket, index, queries, k, ef, allowed | null, rank | null, outer | null, inner | null, limit, hitRows, hitScores, tied, work | null,
// probes, reorder, queryBits, rowCount, unscored, unfiltered)
napi_value search_index(Call& call) {
  elanus_index_search plan = {};
  const double ticket = call.number(0);
  if (!read_index_search(call, plan)) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_index_search_start(&plan, job_done, pending, job, error);
  });
}

// The same, without a ticket, on this thread. False: the limit of time has passed.
napi_value search_index_now(Call& call) {
  elanus_index_search plan = {};
  elanus_error error;
  if (!read_index_search(call, plan)) return nullptr;
  const int status = elanus_index_search_now(&plan, &error);
  if (status != ELANUS_OK && status != ELANUS_LATE) return call.fail(error.text);
  napi_value ended = nullptr;
  napi_get_boolean(call.env(), status == ELANUS_OK, &ended);
  return ended;
}

// (list of lists, each of what a search takes); none is left half done but where one is late.
napi_value search_indexes_now(Call& call) {
  std::vector<elanus_index_search> plans(call.length(0));
  elanus_error error;
  for (uint32_t i = 0; i < plans.size() && call.good(); ++i) {
    Call search(call, 0, i);
    if (!search.good() || !read_index_search(search, plans[i])) return nullptr;
  }
  if (!call.good()) return nullptr;
  const int status = elanus_index_search_together(plans.data(), plans.size(), &error);
  if (status != ELANUS_OK && status != ELANUS_LATE) return call.fail(error.text);
  napi_value ended = nullptr;
  napi_get_boolean(call.env(), status == ELANUS_OK, &ended);
  return ended;
}

// (rows, metric, degree, beam, seed)
napi_value create_growing(Call& call) {
  elanus_error error;
  elanus_growing growing = 0;
  const elanus_growing_plan plan = {call.whole(0), call.whole32(1), call.whole32(2), call.whole32(3), call.whole(4)};
  if (!call.good()) return nullptr;
  const int status = elanus_growing_create(&plan, &growing, &error);
  return call.number_result(status, error, (double)growing);
}

// (ticket, growing, rowCount); the handle of the index comes where findNotFinite has its index.
napi_value extend_growing(Call& call) {
  const double ticket = call.number(0);
  const uint64_t growing = call.whole(1), row_count = call.whole(2);
  if (!call.good()) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_growing_extend_start(growing, row_count, &pending->opened, job_done, pending, job, error);
  });
}

// (ticket, index, bytes)
napi_value keep_rows(Call& call) {
  const double ticket = call.number(0);
  const uint64_t index = call.whole(1), bytes = call.whole(2);
  if (!call.good()) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_slim_keep_start(index, bytes, job_done, pending, job, error);
  });
}

napi_value close_growing(Call& call) {
  elanus_error error;
  const uint64_t growing = call.whole(0);
  if (!call.good()) return nullptr;
  return call.done(elanus_growing_close(growing, &error), error);
}

napi_value close_index(Call& call) {
  elanus_error error;
  const uint64_t index = call.whole(0);
  if (!call.good()) return nullptr;
  return call.done(elanus_index_close(index, &error), error);
}

// (index, Float64Array): metric, dimension, degree, beam, rows, rows in the graph, bytes of codes, of lists, others, of the file, entries, layout, slots, clusters,
// bytes of clusters;
// then the entries, in 16 places; then how many rows have 0, 1, ... as many neighbours as there may be.
napi_value describe_index(Call& call) {
  return describe_as<elanus_index_description>(call, elanus_index_describe, [](const elanus_index_description& d) {
    std::vector<double> numbers = {(double)d.metric,     (double)d.dimension,  (double)d.degree,      (double)d.beam,       (double)d.row_count,  (double)d.graph_row_count,
                            (double)d.code_bytes, (double)d.list_bytes, (double)d.other_bytes, (double)d.file_bytes, (double)d.entry_count,
                            (double)d.layout,     (double)d.slots,      (double)d.cluster_count, (double)d.cluster_bytes};
    numbers.insert(numbers.end(), std::begin(d.entries), std::end(d.entries));
    numbers.insert(numbers.end(), std::begin(d.rows_of_degree), std::end(d.rows_of_degree));
    return numbers;
  });
}

// (index, Float64Array of 5): kind, element, dimension, rows, mapped bytes.
napi_value tell_index(Call& call) {
  return describe_as<elanus_index_about>(call, elanus_index_tell, [](const elanus_index_about& about) {
    return std::vector<double>{(double)about.kind, (double)about.element, (double)about.dimension, (double)about.row_count, (double)about.mapped_bytes};
  });
}

// (index, Float64Array of 18): metric, dimension, lists, codes, subspaces, bits, rows, loose rows; empty lists, rows of the shortest, of the
// longest; bytes of centres, numbers, codes, others, of the file; seed, element.
napi_value describe_lists(Call& call) {
  return describe_as<elanus_lists_description>(call, elanus_lists_describe, [](const elanus_lists_description& d) {
    return std::vector<double>{(double)d.metric,       (double)d.dimension,     (double)d.lists,        (double)d.codes,         (double)d.subspaces,    (double)d.bits,
                          (double)d.row_count,    (double)d.loose_row_count, (double)d.empty_lists, (double)d.shortest_list, (double)d.longest_list, (double)d.centre_bytes,
                          (double)d.number_bytes, (double)d.code_bytes,    (double)d.other_bytes,  (double)d.file_bytes,    (double)d.seed,       (double)d.element};
  });
}

// (index, Float64Array of 18): metric, dimension, element, degree, beam, subspaces, bits, rows, rows in the graph, neighbours; bytes of codes,
// lists, others, of the file; codes, stages; rows that are kept, and their bytes.
napi_value describe_slim(Call& call) {
  return describe_as<elanus_slim_description>(call, elanus_slim_describe, [](const elanus_slim_description& d) {
    return std::vector<double>{(double)d.metric,    (double)d.dimension,       (double)d.element,         (double)d.degree,     (double)d.beam,       (double)d.subspaces,   (double)d.bits,
                          (double)d.row_count, (double)d.graph_row_count, (double)d.neighbour_count, (double)d.code_bytes, (double)d.list_bytes, (double)d.other_bytes, (double)d.file_bytes,
                          (double)d.codes,     (double)d.stages,          (double)d.kept_row_count,  (double)d.kept_bytes};
  });
}

// (index, Float64Array of 10): dimension, bits of a hash, bands, hashes of a band, rows, buckets, rows of the longest; bytes of keys, of numbers,
// of the file.
napi_value describe_bands(Call& call) {
  return describe_as<elanus_bands_description>(call, elanus_bands_describe, [](const elanus_bands_description& d) {
    return std::vector<double>{(double)d.dimension,    (double)d.hash_bits,      (double)d.bands,     (double)d.band_hashes,  (double)d.row_count,
                          (double)d.bucket_count, (double)d.longest_bucket, (double)d.key_bytes, (double)d.number_bytes, (double)d.file_bytes};
  });
}

// (ticket): 0 for one that has ended.
napi_value progress(Call& call) {
  Environment& environment = environment_of(call.env());
  auto found = environment.pending.find(call.number(0));
  if (!call.good()) return nullptr;
  return call.number_result(ELANUS_OK, {}, found == environment.pending.end() ? 0 : elanus_job_progress(found->second->job));
}

// (Float64Array of 4): bytes of indexes, builds, searches, mapped files.
napi_value memory_used(Call& call) {
  uint64_t length;
  double* out = call.array<double>(0, napi_float64_array, &length);
  if (!call.good()) return nullptr;
  if (length < 4) return call.fail("four places are needed");
  elanus_memory memory;
  elanus_memory_used(&memory);
  out[0] = (double)memory.index_bytes;
  out[1] = (double)memory.build_bytes;
  out[2] = (double)memory.search_bytes;
  out[3] = (double)memory.mapped_bytes;
  return nullptr;
}
