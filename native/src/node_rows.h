// The part of the N-API face that is about rows. Included by node.cpp, inside its unnamed namespace, and by nothing else.

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
