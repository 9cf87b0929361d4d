// The part of the N-API face that is about sparse vectors. Included by node.cpp, inside its unnamed namespace, and by nothing else.

// (withLists)
napi_value create_sparse(Call& call) {
  elanus_error error;
  const bool with_lists = call.whole32(0) != 0;
  if (!call.good()) return nullptr;
  elanus_sparse sparse = 0;
  const int status = elanus_sparse_create(&sparse, with_lists, &error);
  return call.number_result(status, error, (double)sparse);
}

napi_value drop_sparse_lists(Call& call) {
  elanus_error error;
  const uint64_t sparse = call.whole(0);
  if (!call.good()) return nullptr;
  return call.done(elanus_sparse_drop_lists(sparse, &error), error);
}

// (ticket, sparse, rowCount, path)
napi_value build_postings(Call& call) {
  elanus_postings_build plan = {};
  const double ticket = call.number(0);
  plan.sparse = call.whole(1);
  plan.row_count = call.whole(2);
  if (!call.text(3, path_buffer(), 1 << 15) || !call.good()) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_postings_build_start(&plan, path_buffer(), job_done, pending, job, error);
  });
}

// (index, Float64Array of 6): rows, terms, postings, blocks; bytes of the lists, of the file.
napi_value describe_postings(Call& call) {
  elanus_error error;
  elanus_postings_description d;
  uint64_t length;
  const uint64_t index = call.whole(0);
  double* out = call.array<double>(1, napi_float64_array, &length);
  if (!call.good()) return nullptr;
  if (length < 6) return call.fail("six places are needed");
  if (const int status = elanus_postings_describe(index, &d, &error)) return call.done(status, error);
  const double all[6] = {(double)d.row_count, (double)d.term_count, (double)d.posting_count, (double)d.block_count, (double)d.list_bytes, (double)d.file_bytes};
  for (const double x : all) *out++ = x;
  return nullptr;
}

// (sparse, offsets, bytes): the new row count.
napi_value append_sparse(Call& call) {
  elanus_error error;
  uint64_t offset_count, byte_count, row_count = 0;
  const uint64_t sparse = call.whole(0);
  const uint32_t* offsets = call.array<uint32_t>(1, napi_uint32_array, &offset_count);
  const uint8_t* bytes = call.array<uint8_t>(2, napi_uint8_array, &byte_count);
  if (!call.good()) return nullptr;
  const int status = elanus_sparse_append(sparse, offsets, offset_count, bytes, byte_count, &row_count, &error);
  return call.number_result(status, error, (double)row_count);
}

// (sparse, Float64Array of 3): rows, pairs, bytes in memory.
napi_value describe_sparse(Call& call) {
  elanus_error error;
  uint64_t length, rows = 0, pairs = 0, memory = 0;
  const uint64_t sparse = call.whole(0);
  double* out = call.array<double>(1, napi_float64_array, &length);
  if (!call.good()) return nullptr;
  if (length < 3) return call.fail("three places are needed");
  if (const int status = elanus_sparse_describe(sparse, &rows, &pairs, &memory, &error)) return call.done(status, error);
  out[0] = (double)rows;
  out[1] = (double)pairs;
  out[2] = (double)memory;
  return nullptr;
}

// (sparse, numbers, offsets)
napi_value sparse_lengths(Call& call) {
  elanus_error error;
  uint64_t number_count, offset_count;
  const uint64_t sparse = call.whole(0);
  const uint32_t* numbers = call.array<uint32_t>(1, napi_uint32_array, &number_count);
  uint32_t* offsets = call.array<uint32_t>(2, napi_uint32_array, &offset_count);
  if (!call.good()) return nullptr;
  return call.done(elanus_sparse_lengths(sparse, numbers, number_count, offsets, offset_count, &error), error);
}

// (sparse, numbers, bytes)
napi_value gather_sparse(Call& call) {
  elanus_error error;
  uint64_t number_count, byte_count;
  const uint64_t sparse = call.whole(0);
  const uint32_t* numbers = call.array<uint32_t>(1, napi_uint32_array, &number_count);
  uint8_t* bytes = call.array<uint8_t>(2, napi_uint8_array, &byte_count);
  if (!call.good()) return nullptr;
  return call.done(elanus_sparse_gather(sparse, numbers, number_count, bytes, byte_count, &error), error);
}

// (ticket, sparse, rowCount, offsets, bytes, k, allowed | null, rank | null, outer | null, inner | null, hitRows, hitScores, tied,
// postings, algorithm, boundRatio)
napi_value search_sparse(Call& call) {
  elanus_sparse_search plan = {};
  const double ticket = call.number(0);
  plan.sparse = call.whole(1);
  plan.row_count = call.whole(2);
  plan.offsets = call.array<uint32_t>(3, napi_uint32_array, &plan.offset_count);
  plan.bytes = call.array<uint8_t>(4, napi_uint8_array, &plan.byte_count);
  plan.k = call.whole32(5);
  read_chosen(call, 6, plan);
  read_range(call, 8, plan);
  read_room(call, 10, plan);
  plan.postings = call.whole(13);
  plan.algorithm = call.whole32(14);
  plan.bound_ratio = (float)call.number(15);
  if (!call.good()) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_sparse_search_start(&plan, job_done, pending, job, error);
  });
}
