// Jobs of filters without Node: from several threads, cancelled, refused, over arrays; and places read beside them. Programs and documents of every kind are
// fuzz_filter.cpp's.
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>
#include "../include/elanus_filter.h"
#include "check.h"

static constexpr uint64_t row_count = 1000003;

struct Table {
  std::vector<int64_t> numbers = std::vector<int64_t>(row_count);
  std::vector<uint8_t> valid = std::vector<uint8_t>(row_count);
  elanus_column column = {};
  Table() {
    for (uint64_t i = 0; i < row_count; ++i) {
      numbers[i] = (int64_t)(i * 0x9e3779b97f4a7c15ull >> 40);
      valid[i] = i % 7 != 0;
    }
    column.type = ELANUS_COLUMN_INT64;
    column.values = numbers.data();
    column.value_count = row_count;
    column.valid = valid.data();
    column.valid_count = row_count;
  }
};

// (number in [set]) or lower <= number <= upper
struct Request {
  std::vector<int64_t> constants;
  std::vector<uint32_t> code;
  std::vector<uint8_t> bits = std::vector<uint8_t>((row_count + 63) / 64 * 8);
  elanus_filter filter = {};
  Request(const Table& table, int64_t lower, int64_t upper, uint32_t set) : constants{lower, upper} {
    for (uint32_t i = 0; i < set; ++i) constants.push_back((int64_t)i * 1000003 % (1 << 24));
    code = {2 | 9 << 8, 5 | 4 << 8, 0, 0, 0, 7 | 4 << 8, 0, 2, set};
    filter.code = code.data();
    filter.code_count = code.size();
    filter.constants = (const uint8_t*)constants.data();
    filter.constant_bytes = constants.size() * 8;
    filter.columns = &table.column;
    filter.column_count = 1;
    filter.row_count = row_count;
    filter.passing = bits.data();
    filter.passing_bytes = bits.size();
  }
  bool right(const Table& table) const {
    std::vector<bool> in(1 << 24);
    for (size_t i = 2; i < constants.size(); ++i) in[(size_t)constants[i]] = true;
    for (uint64_t i = 0; i < row_count; ++i) {
      const int64_t x = table.numbers[i];
      const bool wanted = table.valid[i] && ((x >= constants[0] && x <= constants[1]) || in[(size_t)x]);
      if (wanted != (bits[i / 8] >> i % 8 & 1)) return false;
    }
    return true;
  }
};

static void jobs(const Table& table) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table, t] {
      for (int round = 0; round < 4; ++round) {
        Request request(table, t * 1000000, t * 1000000 + 500000, round * 5000);
        End end;
        elanus_job* job = nullptr;
        CHECK(elanus_filter_start(&request.filter, End::call, &end, &job, nullptr) == ELANUS_OK);
        CHECK(end.wait() == ELANUS_OK);
        elanus_job_release(job);
        CHECK(request.right(table));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

static void cancelled(const Table& table) {
  for (int round = 0; round < 50; ++round) {
    Request request(table, 0, 1 << 20, 20000);
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_filter_start(&request.filter, End::call, &end, &job, nullptr) == ELANUS_OK);
    if (round % 3) std::this_thread::sleep_for(std::chrono::microseconds(round * 20));
    elanus_job_cancel(job);
    const int status = end.wait();
    CHECK(status == ELANUS_CANCELLED || (status == ELANUS_OK && request.right(table)));
    elanus_job_release(job);
    CHECK(end.calls == 1);
  }
}

static void refused(const Table& table) {
  Request request(table, 0, 10, 10);
  elanus_filter filter = request.filter;
  filter.passing_bytes -= 8;
  CHECK(elanus_filter_run(&filter, nullptr) == ELANUS_INVALID);
  filter = request.filter;
  filter.row_count += 1;
  CHECK(elanus_filter_run(&filter, nullptr) == ELANUS_INVALID);
  filter = request.filter;
  filter.constant_bytes -= 8;
  CHECK(elanus_filter_run(&filter, nullptr) == ELANUS_INVALID);
  // A damaged program is found by the job itself.
  End end;
  elanus_job* job = nullptr;
  CHECK(elanus_filter_start(&filter, End::call, &end, &job, nullptr) == ELANUS_OK);
  CHECK(end.wait() == ELANUS_INVALID);
  elanus_job_release(job);
  CHECK(elanus_filter_start(nullptr, End::call, &end, &job, nullptr) == ELANUS_INVALID);
  CHECK(elanus_filter_run(&request.filter, nullptr) == ELANUS_OK);
  CHECK(request.right(table));
}

// Arrays of 0 to 6 numbers, now and then of thousands: lengths, an element, any element, off the thread.
static void arrays() {
  constexpr uint32_t count = 300007;
  std::vector<uint32_t> offsets = {0};
  for (uint32_t i = 0; i < count; ++i) offsets.push_back(offsets.back() + (i % 50000 == 7 ? 20000 : i * 2654435761u >> 29 & 7));
  std::vector<int32_t> elements(offsets.back());
  for (uint32_t i = 0; i < elements.size(); ++i) elements[i] = (int32_t)(i * 0x85ebca6bu >> 20);
  std::vector<uint8_t> valid(count);
  for (uint32_t i = 0; i < count; ++i) valid[i] = i % 11 != 3;
  elanus_column columns[2] = {};
  columns[0].type = ELANUS_COLUMN_ARRAY;
  columns[0].offsets = offsets.data();
  columns[0].offset_count = offsets.size();
  columns[0].valid = valid.data();
  columns[0].valid_count = count;
  columns[1].type = ELANUS_COLUMN_INT32 | ELANUS_COLUMN_ELEMENTS;
  columns[1].values = elements.data();
  columns[1].value_count = elements.size();
  const int64_t lower = 100, upper = 300, constants[] = {lower, upper, 3, 1 << 20};
  const uint32_t programs[3][8] = {
      {22 | 4 << 8, 0, 0, 2},                      // 3 <= length
      {23 | 7 << 8, 0, 2, 5 | 4 << 8, 1, 0, 0},    // lower <= the third <= upper
      {24 | 6 << 8, 0, 5 | 4 << 8, 1, 0, 0},       // one of them is
  };
  std::vector<uint8_t> bits((count + 63) / 64 * 8);
  for (int which = 0; which < 3; ++which) {
    elanus_filter filter = {};
    filter.code = programs[which];
    filter.code_count = programs[which][0] >> 8;
    filter.constants = (const uint8_t*)constants;
    filter.constant_bytes = sizeof constants;
    filter.columns = columns;
    filter.column_count = 2;
    filter.row_count = count;
    filter.passing = bits.data();
    filter.passing_bytes = bits.size();
    End end;
    elanus_job* job = nullptr;
    CHECK(elanus_filter_start(&filter, End::call, &end, &job, nullptr) == ELANUS_OK);
    CHECK(end.wait() == ELANUS_OK);
    elanus_job_release(job);
    bool good = true;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t length = offsets[i + 1] - offsets[i];
      const auto inside = [&](uint32_t j) { return elements[offsets[i] + j] >= lower && elements[offsets[i] + j] <= upper; };
      bool wanted = which == 0 ? length >= 3 : which == 1 ? length > 2 && inside(2) : false;
      for (uint32_t j = 0; which == 2 && j < length; ++j) wanted |= inside(j);
      good &= (wanted && valid[i]) == (bits[i / 8] >> i % 8 & 1);
    }
    CHECK(good);
    const uint32_t kept = offsets[count - 5];
    offsets[count - 5] = offsets.back() + 1;
    CHECK(elanus_filter_run(&filter, nullptr) == ELANUS_INVALID);
    offsets[count - 5] = kept;
    columns[1].value_count -= 1;
    CHECK(elanus_filter_run(&filter, nullptr) == (which ? ELANUS_INVALID : ELANUS_OK));
    columns[1].value_count += 1;
  }
}

static void places() {
  std::string all;
  std::vector<uint32_t> offsets = {0};
  constexpr uint32_t count = 20000;
  for (uint32_t i = 0; i < count; ++i) {
    all += "{\"b\": \"x\", \"a\": " + std::to_string(i) + "}";
    offsets.push_back((uint32_t)all.size());
  }
  std::vector<uint8_t> classes(count);
  std::vector<int64_t> words(count);
  uint8_t* class_array = classes.data();
  int64_t* word_array = words.data();
  const uint8_t path[] = {1, 0, 0, 0, 1, 0, 0, 0, 'a'};
  elanus_places plan = {};
  plan.offsets = offsets.data();
  plan.offset_count = offsets.size();
  plan.bytes = (const uint8_t*)all.data();
  plan.byte_count = all.size();
  plan.row_count = count;
  plan.paths = path;
  plan.path_bytes = sizeof path;
  plan.path_count = 1;
  plan.classes = &class_array;
  plan.words = &word_array;
  End end;
  elanus_job* job = nullptr;
  CHECK(elanus_places_start(&plan, End::call, &end, &job, nullptr) == ELANUS_OK);
  CHECK(end.wait() == ELANUS_OK);
  elanus_job_release(job);
  bool good = true;
  for (uint32_t i = 0; i < count; ++i) good &= classes[i] == ELANUS_CLASS_INTEGER && words[i] == i;
  CHECK(good);
  plan.byte_count = all.size() - 1;
  CHECK(elanus_places_run(&plan, nullptr) == ELANUS_INVALID);
  plan.byte_count = all.size();
  plan.path_bytes -= 1;
  CHECK(elanus_places_run(&plan, nullptr) == ELANUS_INVALID);
}

int main() {
  const Table table;
  jobs(table);
  cancelled(table);
  refused(table);
  arrays();
  places();
  std::printf("filters: %d checks, %d failures\n", checks.load(), failures.load());
  return failures ? 1 : 0;
}
