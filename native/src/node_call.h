// Calls from JavaScript and the jobs that they begin: arguments, results, tickets, ends. Included by node.cpp, inside its unnamed namespace, and by nothing else.

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

constexpr size_t most_arguments = 20;

class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = most_arguments;
    napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
  }

  // Of a list that is itself an argument.
  Call(const Call& call, size_t i, uint32_t place) : env_(call.env_) {
    napi_value list;
    if (napi_get_element(env_, call.values_[i], place, &list) != napi_ok) bad("a list was expected");
    else
      for (uint32_t at = 0; at < most_arguments; ++at) napi_get_element(env_, list, at, &values_[at]);
  }

  napi_env env() const { return env_; }
  uint32_t length(size_t i) {
    uint32_t length = 0;
    if (napi_get_array_length(env_, values_[i], &length) != napi_ok) bad("a list was expected");
    return length;
  }
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

// What the searches of all kinds have in common, from the place of the first argument on. A null says what it says in a plan, and an empty
// typed array, which may have no memory at all, is not null: null would mean that all rows are allowed.

// (allowed | null, rank | null)
template <class Plan> void read_chosen(Call& call, size_t place, Plan& plan) {
  static const uint64_t nothing = 0;
  plan.allowed = call.array<uint8_t>(place, napi_uint8_array, &plan.allowed_bytes);
  plan.rank = call.array<uint32_t>(place + 1, napi_uint32_array, &plan.rank_count);
  if (!call.good()) return;
  if (!call.is_null(place) && !plan.allowed) plan.allowed = (const uint8_t*)&nothing;
  if (!call.is_null(place + 1) && !plan.rank) plan.rank = (const uint32_t*)&nothing;
}

// (outer | null, inner | null)
template <class Plan> void read_range(Call& call, size_t place, Plan& plan) {
  plan.has_outer = !call.is_null(place);
  plan.has_inner = !call.is_null(place + 1);
  if (plan.has_outer) plan.outer = (float)call.number(place);
  if (plan.has_inner) plan.inner = (float)call.number(place + 1);
}

// (hitRows, hitScores, tied)
template <class Plan> void read_room(Call& call, size_t place, Plan& plan) {
  plan.hit_rows = call.array<uint32_t>(place, napi_uint32_array, &plan.hit_row_count);
  plan.hit_scores = call.array<float>(place + 1, napi_float32_array, &plan.hit_score_count);
  plan.tied = call.array<uint8_t>(place + 2, napi_uint8_array, &plan.tied_count);
}

// A path of any length that the system takes; who is given it copies it.
char* path_buffer() {
  static thread_local char path[1 << 15];
  return path;
}
bool read_path(Call& call, size_t place) { return call.text(place, path_buffer(), 1 << 15) && call.good(); }
