// The part of the N-API face that is about filters. Included by node.cpp, inside its unnamed namespace, and by nothing else.

constexpr uint32_t column_parts = 6;
constexpr uint32_t most_columns = 4096;

// A typed array of some kind, or null. False for anything else.
bool typed_array(napi_env env, napi_value value, const void** data, uint64_t* length, napi_typedarray_type* type) {
  napi_valuetype kind = napi_undefined;
  bool typed = false;
  size_t count = 0;
  *data = nullptr;
  *length = 0;
  napi_typeof(env, value, &kind);
  if (kind == napi_null) return true;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return false;
  if (napi_get_typedarray_info(env, value, type, &count, (void**)data, nullptr, nullptr) != napi_ok) return false;
  // An empty array may have no memory at all, and null means that there is no array.
  static const uint64_t nothing = 0;
  if (!*data) *data = &nothing;
  *length = count;
  return true;
}

bool fits_column(uint32_t type, napi_typedarray_type array) {
  switch (type & ~ELANUS_COLUMN_ELEMENTS) {
    case ELANUS_COLUMN_BOOL:
    case ELANUS_COLUMN_PLACE: return array == napi_uint8_array;
    case ELANUS_COLUMN_INT8: return array == napi_int8_array;
    case ELANUS_COLUMN_INT16: return array == napi_int16_array;
    case ELANUS_COLUMN_INT32: return array == napi_int32_array;
    case ELANUS_COLUMN_INT64: return array == napi_bigint64_array;
    case ELANUS_COLUMN_FLOAT: return array == napi_float32_array;
    case ELANUS_COLUMN_DOUBLE: return array == napi_float64_array;
    default: return false;
  }
}

// Six for each column: type, values, valid, offsets, bytes, words.
const char* read_columns(napi_env env, napi_value list, std::vector<elanus_column>* columns) {
  uint32_t length = 0;
  bool is_array = false;
  if (napi_is_array(env, list, &is_array) != napi_ok || !is_array) return "an array of columns was expected";
  napi_get_array_length(env, list, &length);
  if (length % column_parts || length / column_parts > most_columns) return "the parts of columns are not whole, or too many";
  for (uint32_t i = 0; i < length; i += column_parts) {
    napi_value parts[column_parts];
    for (uint32_t j = 0; j < column_parts; ++j) napi_get_element(env, list, i + j, &parts[j]);
    elanus_column c = {};
    const void *values, *valid, *offsets, *bytes, *words;
    napi_typedarray_type types[column_parts] = {napi_int8_array, napi_int8_array, napi_uint8_array, napi_uint32_array, napi_uint8_array, napi_bigint64_array};
    if (napi_get_value_uint32(env, parts[0], &c.type) != napi_ok) return "the type of a column was expected";
    if (!typed_array(env, parts[1], &values, &c.value_count, &types[1]) || !typed_array(env, parts[2], &valid, &c.valid_count, &types[2]) ||
        !typed_array(env, parts[3], &offsets, &c.offset_count, &types[3]) || !typed_array(env, parts[4], &bytes, &c.byte_count, &types[4]) ||
        !typed_array(env, parts[5], &words, &c.word_count, &types[5]))
      return "typed arrays were expected";
    if ((values && !fits_column(c.type, types[1])) || types[2] != napi_uint8_array || types[3] != napi_uint32_array || types[4] != napi_uint8_array ||
        types[5] != napi_bigint64_array)
      return "a column has arrays of another kind";
    c.values = values;
    c.valid = (const uint8_t*)valid;
    c.offsets = (const uint32_t*)offsets;
    c.bytes = (const uint8_t*)bytes;
    c.words = (const int64_t*)words;
    columns->push_back(c);
  }
  return nullptr;
}

// (ticket | null, code, constants, columns, rowCount, wanted | null, passing); without a ticket it is done when the call returns.
napi_value filter(Call& call, napi_value list) {
  elanus_filter plan = {};
  std::vector<elanus_column> columns;
  plan.code = call.array<uint32_t>(1, napi_uint32_array, &plan.code_count);
  plan.constants = call.array<uint8_t>(2, napi_uint8_array, &plan.constant_bytes);
  plan.row_count = call.whole(4);
  plan.wanted = call.array<uint8_t>(5, napi_uint8_array, &plan.wanted_bytes);
  plan.passing = call.array<uint8_t>(6, napi_uint8_array, &plan.passing_bytes);
  if (!call.good()) return nullptr;
  static const uint64_t nothing = 0;
  if (!call.is_null(5) && !plan.wanted) plan.wanted = (const uint8_t*)&nothing;
  if (const char* wrong = read_columns(call.env(), list, &columns)) return call.fail(wrong);
  plan.columns = columns.data();
  plan.column_count = columns.size();
  if (call.is_null(0)) {
    elanus_error error;
    return call.done(elanus_filter_run(&plan, &error), error);
  }
  const double ticket = call.number(0);
  if (!call.good()) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_filter_start(&plan, job_done, pending, job, error);
  });
}

// (ticket | null, offsets, bytes, valid | null, firstRow, rowCount, paths, [classes, words, …]): two arrays for each path.
napi_value read_places(Call& call, napi_value list) {
  elanus_places plan = {};
  plan.offsets = call.array<uint32_t>(1, napi_uint32_array, &plan.offset_count);
  plan.bytes = call.array<uint8_t>(2, napi_uint8_array, &plan.byte_count);
  plan.valid = call.array<uint8_t>(3, napi_uint8_array, &plan.valid_count);
  plan.first_row = call.whole(4);
  plan.row_count = call.whole(5);
  plan.paths = call.array<uint8_t>(6, napi_uint8_array, &plan.path_bytes);
  if (!call.good()) return nullptr;
  static const uint64_t nothing = 0;
  if (!call.is_null(3) && !plan.valid) plan.valid = (const uint8_t*)&nothing;
  uint32_t length = 0;
  bool is_array = false;
  if (napi_is_array(call.env(), list, &is_array) != napi_ok || !is_array) return call.fail("an array of arrays was expected");
  napi_get_array_length(call.env(), list, &length);
  if (length % 2 || length / 2 > ELANUS_MAX_PATHS) return call.fail("there are too many paths");
  std::vector<uint8_t*> classes;
  std::vector<int64_t*> words;
  for (uint32_t i = 0; i < length; i += 2) {
    napi_value parts[2];
    const void *class_data, *word_data;
    uint64_t class_count, word_count;
    napi_typedarray_type class_type = napi_int8_array, word_type = napi_int8_array;
    for (uint32_t j = 0; j < 2; ++j) napi_get_element(call.env(), list, i + j, &parts[j]);
    if (!typed_array(call.env(), parts[0], &class_data, &class_count, &class_type) || !typed_array(call.env(), parts[1], &word_data, &word_count, &word_type) ||
        class_type != napi_uint8_array || word_type != napi_bigint64_array)
      return call.fail("arrays of classes and words were expected");
    if (class_count < plan.row_count || word_count < plan.row_count) return call.fail("no room for the rows of a path");
    classes.push_back((uint8_t*)class_data);
    words.push_back((int64_t*)word_data);
  }
  plan.path_count = length / 2;
  plan.classes = classes.data();
  plan.words = words.data();
  if (call.is_null(0)) {
    elanus_error error;
    return call.done(elanus_places_run(&plan, &error), error);
  }
  const double ticket = call.number(0);
  if (!call.good()) return nullptr;
  return begin(call, ticket, std::make_unique<Pending>(), [&](Pending* pending, elanus_job** job, elanus_error* error) {
    return elanus_places_start(&plan, job_done, pending, job, error);
  });
}
