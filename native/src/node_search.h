// The part of the N-API face that is about exact searches. Included by node.cpp, inside its unnamed namespace, and by nothing else.

// From the second argument on. False: an error was thrown.
bool read_search(Call& call, elanus_search& plan) {
  elanus_description about;
  plan.rows = call.whole(1);
  plan.row_count = call.whole(2);
  if (!describe(call, plan.rows, &about)) return false;
  plan.queries = call.entries(3, about.entry_bytes, &plan.query_value_count);
  plan.metric = call.whole32(4);
  plan.k = call.whole32(5);
  read_chosen(call, 6, plan);
  read_range(call, 8, plan);
  read_room(call, 10, plan);
  plan.hash_bits = call.whole32(13);
  plan.bands = call.whole32(14);
  return call.good();
}

// (ticket, rows, rowCount, queries, metric, k, allowed | null, rank | null, outer | null, inner | null, hitRows, hitScores, tied,
//  hashBits, bands)
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
  read_chosen(call, 7, plan);
  read_room(call, 9, plan);
  if (!call.good()) return nullptr;
  if (!plan.end_count || !plan.query_end_count) return call.fail("the ends of lists are missing");
  plan.list_count = plan.end_count - 1;
  plan.query_count = plan.query_end_count - 1;
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
