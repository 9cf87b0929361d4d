#include "filter_run.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include "dispatch.h"
#include "filter_arrays.h"
#include "filter_check.h"
#include "filter_code.h"
#include "filter_judge.h"
#include "filter_math.h"
#include "filter_times.h"

namespace elanus {

namespace {

constexpr uint32_t stretch_rows = 8192, stretch_words = stretch_rows / 64;
constexpr uint64_t piece_rows = 16 * stretch_rows;

// TRUE, FALSE (known, not true) or UNKNOWN for each row of a stretch. `truth` is within `known`; bits behind the rows are 0 in `truth`.
struct Verdict {
  uint64_t truth[stretch_words], known[stretch_words], open[stretch_words];
  bool all_known;   // then `known` holds nothing
};

struct Scratch {
  std::vector<Verdict> verdicts;
  int64_t integers[stretch_rows], others[stretch_rows];
  double floats[stretch_rows], other_floats[stretch_rows];
  uint64_t gathered[stretch_rows];   // elements at one index, of any type
  uint8_t present[stretch_rows];
  std::string text;
};

Scratch& scratch(uint32_t depth) {
  static thread_local std::unique_ptr<Scratch> own;
  if (!own) own = std::make_unique<Scratch>();
  // A deep program leaves no memory behind for ever.
  if (own->verdicts.size() < depth || own->verdicts.size() > 4 * (size_t)depth + 16) own->verdicts.resize(depth);
  return *own;
}

class Program {
 public:
  explicit Program(const elanus_filter& filter)
      : filter_(filter), columns_(filter.columns, filter.columns + filter.column_count), table_(table().filter) {
    check_filter(filter);
    filter_.columns = columns_.data();
    root_ = read_program(filter_, &depth_);
  }

  // Rows from `first`, a multiple of 64; writes whole words.
  void stretch(uint64_t first, uint32_t count) {
    Scratch& s = scratch(depth_ + 1);
    Stretch at = {first, count, (count + 63) / 64, count % 64 ? (1ull << count % 64) - 1 : ~0ull, s};
    Verdict& top = s.verdicts[0];
    uint64_t* wanted = nullptr;
    if (filter_.wanted) {
      std::memcpy(top.open, filter_.wanted + first / 8, at.words * 8);
      top.open[at.words - 1] &= at.last;
      wanted = top.open;
    }
    uint64_t any = !wanted;
    for (uint32_t w = 0; wanted && w < at.words; ++w) any |= wanted[w];
    Verdict& answer = s.verdicts[1];
    if (any) evaluate(root_, at, 1, wanted, answer);
    else std::memset(answer.truth, 0, at.words * 8);
    if (wanted)
      for (uint32_t w = 0; w < at.words; ++w) answer.truth[w] &= wanted[w];
    std::memcpy(filter_.passing + first / 8, answer.truth, at.words * 8);
  }

  uint64_t rows() const { return filter_.row_count; }

 private:
  struct Stretch {
    uint64_t first;
    uint32_t count, words;
    uint64_t last;   // the bits of the last word that are rows
    Scratch& scratch;
  };

  void evaluate(const Node& node, const Stretch& at, uint32_t depth, const uint64_t* wanted, Verdict& out) const {
    out.all_known = true;
    switch (node.op) {
      case Op::constant:
        std::memset(out.truth, node.value ? 0xff : 0, at.words * 8);
        return trim(at, out);
      case Op::conjunction:
      case Op::disjunction:
        return joint(node, at, depth, wanted, out);
      case Op::negation:
        evaluate(node.nodes[0], at, depth, wanted, out);
        for (uint32_t w = 0; w < at.words; ++w) out.truth[w] = known(out, w) & ~out.truth[w];
        return trim(at, out);
      case Op::merge: {
        evaluate(node.nodes[0], at, depth, wanted, out);
        for (size_t i = 1; i < node.nodes.size(); ++i) {
          Verdict& next = at.scratch.verdicts[depth + 1];
          evaluate(node.nodes[i], at, depth + 1, wanted, next);
          for (uint32_t w = 0; w < at.words; ++w) {
            out.known[w] = known(out, w) | known(next, w);
            out.truth[w] |= next.truth[w];
          }
          out.all_known = false;
        }
        return;
      }
      case Op::valid:
        if (column(node).valid) table_.set_bytes(column(node).valid + at.first, at.count, out.truth);
        else {
          std::memset(out.truth, 0xff, at.words * 8);
          trim(at, out);
        }
        return;
      case Op::place_range:
      case Op::place_text:
      case Op::place_class:
      case Op::place_set:
      case Op::place_math:
      case Op::place_holder:
      case Op::place_arrays:
      case Op::place_lengths:
      case Op::place_number:
        return places(node, at, wanted, out);
      case Op::element:
        return element(node, at, wanted, out);
      case Op::holder:
        return holder(node, at, depth, out);
      case Op::sample:
        return each(at, out.truth, [&](uint32_t i) { return hash_of_row((uint32_t)(at.first + i), node.seed) < node.upper; });
      default:
        break;
    }
    leaf(node, column(node), at, wanted, out);
    mask(column(node), at, out);
    if (node.op == Op::number_pair || node.op == Op::text_pair) mask(columns_[node.other], at, out);
  }

  void joint(const Node& node, const Stretch& at, uint32_t depth, const uint64_t* wanted, Verdict& out) const {
    const bool is_and = node.op == Op::conjunction;
    evaluate(node.nodes[0], at, depth, wanted, out);
    for (size_t i = 1; i < node.nodes.size(); ++i) {
      Verdict& next = at.scratch.verdicts[depth + 1];
      uint64_t any = 0;
      for (uint32_t w = 0; w < at.words; ++w) {
        const uint64_t decided = is_and ? known(out, w) & ~out.truth[w] : out.truth[w];
        next.open[w] = ~decided & (wanted ? wanted[w] : ~0ull) & (w + 1 == at.words ? at.last : ~0ull);
        any |= next.open[w];
      }
      if (!any) return;
      // Deeper levels have their own places; `open` of this one stays as it is until the operand is done.
      evaluate(node.nodes[i], at, depth + 1, next.open, next);
      const bool all_known = out.all_known && next.all_known;
      for (uint32_t w = 0; w < at.words; ++w) {
        const uint64_t a = out.truth[w], b = next.truth[w], x = known(out, w), y = known(next, w);
        out.truth[w] = is_and ? a & b : a | b;
        if (!all_known) out.known[w] = is_and ? (x & y) | (x & ~a) | (y & ~b) : (x & y) | a | b;
      }
      out.all_known = all_known;
    }
  }

  static uint64_t known(const Verdict& verdict, uint32_t word) { return verdict.all_known ? ~0ull : verdict.known[word]; }
  static void trim(const Stretch& at, Verdict& out) { out.truth[at.words - 1] &= at.last; }
  const elanus_column& column(const Node& node) const { return columns_[node.column]; }

  // Rows without a value are UNKNOWN.
  void mask(const elanus_column& column, const Stretch& at, Verdict& out) const {
    if (!column.valid) return;
    uint64_t valid[stretch_words];
    table_.set_bytes(column.valid + at.first, at.count, valid);
    for (uint32_t w = 0; w < at.words; ++w) {
      out.known[w] = known(out, w) & valid[w];
      out.truth[w] &= valid[w];
    }
    out.all_known = false;
  }

  // Over `c`, which is the node's column or elements out of it; rows without a value are not looked at.
  void leaf(const Node& node, const elanus_column& c, const Stretch& at, const uint64_t* wanted, Verdict& out) const {
    compare(node, c, at, wanted, out);
    if (!node.outside) return;
    for (uint32_t w = 0; w < at.words; ++w) out.truth[w] = ~out.truth[w];
    trim(at, out);
  }

  void compare(const Node& node, const elanus_column& c, const Stretch& at, const uint64_t* wanted, Verdict& out) const {
    Scratch& s = at.scratch;
    switch (node.op) {
      case Op::integers:
        return range(c, at, node.lower, node.upper, out.truth);
      case Op::floats:
        return float_range(c, at, node.float_lower, node.float_upper, out.truth);
      case Op::integer_set:
        if (c.type == ELANUS_COLUMN_INT64 && !node.integers->few().empty()) {
          const auto& few = node.integers->few();
          return table_.few_i64((const int64_t*)c.values + at.first, at.count, few.data(), (uint32_t)few.size(), out.truth);
        }
        return with_integers(c, at, [&](const auto* values) { members(*node.integers, at, out.truth, [=](uint32_t i) { return (int64_t)values[i]; }); });
      case Op::float_set:
        return with_floats(c, at, [&](const auto* values) { members(*node.doubles, at, out.truth, [=](uint32_t i) { return double_bits(values[i]); }); });
      case Op::integer_math:
        with_integers(c, at, [&](const auto* values) { calculate(node, at.count, values, s.integers); });
        return table_.range_i64(s.integers, at.count, node.lower, node.upper, out.truth);
      case Op::float_math:
        with_floats(c, at, [&](const auto* values) {
          for (uint32_t i = 0; i < at.count; ++i) s.floats[i] = apply(node.operation, (double)values[i], node.float_operand);
        });
        if (c.type == ELANUS_COLUMN_FLOAT)
          for (uint32_t i = 0; i < at.count; ++i) s.floats[i] = (float)s.floats[i];
        return table_.range_f64(s.floats, at.count, node.float_lower, node.float_upper, out.truth);
      case Op::number_pair:
        return number_pair(node, at, out.truth);
      case Op::text_pair: {
        const Texts a = texts(c, at), b = texts(columns_[node.other], at);
        return each(at, out.truth, [&](uint32_t i) {
          const int order = compare_texts(a.bytes + a.offsets[i], a.offsets[i + 1] - a.offsets[i], b.bytes + b.offsets[i], b.offsets[i + 1] - b.offsets[i]);
          return holds(node.comparison, order, 0);
        });
      }
      case Op::lengths: {
        const ArrayRows rows(c, at.first, at.count);
        return each(at, out.truth, [&](uint32_t i) { return rows.length(i) >= node.lower && rows.length(i) <= node.upper; });
      }
      case Op::months: {
        const int64_t* values = (const int64_t*)c.values + at.first;
        return each(at, out.truth, [&](uint32_t i) { return holds(node.comparison, order_of(later(values[i], node.months), {node.lower, node.upper}), 0); });
      }
      default:
        return node.text->rows(texts(c, at), wanted, out.truth);
    }
  }

  // ------------------------------------------------------------------------------------------------------- arrays

  void element(const Node& node, const Stretch& at, const uint64_t* wanted, Verdict& out) const {
    Scratch& s = at.scratch;
    const Node& inner = node.nodes[0];
    const elanus_column& c = column(node);
    const elanus_column& elements = columns_[inner.column];
    const ArrayRows rows(c, at.first, at.count);
    rows.require(elements);
    for (uint32_t i = 0; i < at.count; ++i) s.present[i] = rows.length(i) > node.index;
    if (inner.text) {
      const TextElements texts(elements);
      each(at, out.truth, [&](uint32_t i) {
        const bool open = !wanted || (wanted[i / 64] >> i % 64 & 1);
        return open && s.present[i] && texts.holds(*inner.text, rows.start(i) + node.index);
      });
    } else {
      elanus_column there = elements;
      there.type &= ~ELANUS_COLUMN_ELEMENTS;
      gather(there, rows, node.index, s.gathered);
      there.values = s.gathered;
      const Stretch own = {0, at.count, at.words, at.last, s};
      leaf(inner, there, own, wanted, out);
    }
    table_.set_bytes(s.present, at.count, out.known);
    for (uint32_t w = 0; w < at.words; ++w) out.truth[w] &= out.known[w];
    out.all_known = false;
    mask(c, at, out);
  }

  void holder(const Node& node, const Stretch& at, uint32_t depth, Verdict& out) const {
    const Node& inner = node.nodes[0];
    const elanus_column& c = column(node);
    elanus_column elements = columns_[inner.column];
    const ArrayRows rows(c, at.first, at.count);
    rows.require(elements);
    elements.type &= ~ELANUS_COLUMN_ELEMENTS;
    Verdict& some = at.scratch.verdicts[depth + 1];
    std::memset(out.truth, 0, at.words * 8);
    uint32_t row = 0;
    for (uint64_t first = rows.start(0), end = rows.start(at.count); first < end; first += stretch_rows) {
      const uint32_t count = (uint32_t)std::min<uint64_t>(stretch_rows, end - first);
      const Stretch own = {first, count, (count + 63) / 64, count % 64 ? (1ull << count % 64) - 1 : ~0ull, at.scratch};
      leaf(inner, elements, own, nullptr, some);
      for (uint32_t w = 0; w < own.words; ++w) {
        for (uint64_t left = some.truth[w]; left; left &= left - 1) {
          const uint64_t element = first + w * 64 + (uint32_t)__builtin_ctzll(left);
          while (rows.start(row + 1) <= element) ++row;
          out.truth[row / 64] |= 1ull << row % 64;
        }
      }
    }
    mask(c, at, out);
  }

  template <class Test> static void each(const Stretch& at, uint64_t* bits, Test test) {
    for (uint32_t first = 0; first < at.count; first += 64) {
      const uint32_t some = std::min<uint32_t>(64, at.count - first);
      uint64_t word = 0;
      for (uint32_t i = 0; i < some; ++i) word |= (uint64_t)test(first + i) << i;
      bits[first / 64] = word;
    }
  }

  template <class Value> static void members(const IntegerSet& set, const Stretch& at, uint64_t* bits, Value value) {
    for (uint32_t first = 0; first < at.count; first += 64)
      bits[first / 64] = set.word(std::min<uint32_t>(64, at.count - first), [&](uint32_t i) { return value(first + i); });
  }

  template <class Use> static void with_integers(const elanus_column& c, const Stretch& at, Use use) {
    switch (c.type) {
      case ELANUS_COLUMN_BOOL: return use((const uint8_t*)c.values + at.first);
      case ELANUS_COLUMN_INT8: return use((const int8_t*)c.values + at.first);
      case ELANUS_COLUMN_INT16: return use((const int16_t*)c.values + at.first);
      case ELANUS_COLUMN_INT32: return use((const int32_t*)c.values + at.first);
      default: return use((const int64_t*)c.values + at.first);
    }
  }
  template <class Use> static void with_floats(const elanus_column& c, const Stretch& at, Use use) {
    if (c.type == ELANUS_COLUMN_FLOAT) use((const float*)c.values + at.first);
    else use((const double*)c.values + at.first);
  }

  // The ends are brought into the range of the type; nothing of an interval beside it is left.
  template <class T> static bool narrowed(int64_t* lower, int64_t* upper) {
    *lower = std::max<int64_t>(*lower, std::numeric_limits<T>::min());
    *upper = std::min<int64_t>(*upper, std::numeric_limits<T>::max());
    return *lower <= *upper;
  }
  void range(const elanus_column& c, const Stretch& at, int64_t lower, int64_t upper, uint64_t* bits) const {
    const auto nothing = [&] { std::memset(bits, 0, at.words * 8); };
    switch (c.type) {
      case ELANUS_COLUMN_BOOL:
      case ELANUS_COLUMN_INT8:
        if (!narrowed<int8_t>(&lower, &upper)) return nothing();
        return table_.range_i8((const int8_t*)c.values + at.first, at.count, (int8_t)lower, (int8_t)upper, bits);
      case ELANUS_COLUMN_INT16:
        if (!narrowed<int16_t>(&lower, &upper)) return nothing();
        return table_.range_i16((const int16_t*)c.values + at.first, at.count, (int16_t)lower, (int16_t)upper, bits);
      case ELANUS_COLUMN_INT32:
        if (!narrowed<int32_t>(&lower, &upper)) return nothing();
        return table_.range_i32((const int32_t*)c.values + at.first, at.count, (int32_t)lower, (int32_t)upper, bits);
      default:
        return table_.range_i64((const int64_t*)c.values + at.first, at.count, lower, upper, bits);
    }
  }
  void float_range(const elanus_column& c, const Stretch& at, double lower, double upper, uint64_t* bits) const {
    if (c.type == ELANUS_COLUMN_DOUBLE) return table_.range_f64((const double*)c.values + at.first, at.count, lower, upper, bits);
    // To the floats inside the interval.
    const float infinity = std::numeric_limits<float>::infinity();
    float low = (float)lower, high = (float)upper;
    if (low < lower) low = std::nextafterf(low, infinity);
    if (high > upper) high = std::nextafterf(high, -infinity);
    table_.range_f32((const float*)c.values + at.first, at.count, low, high, bits);
  }

  template <class T> static void calculate(const Node& node, uint32_t count, const T* values, int64_t* out) {
    const auto all = [&](auto operation) {
      for (uint32_t i = 0; i < count; ++i) out[i] = operation((int64_t)values[i]);
    };
    const int64_t b = node.operand;
    switch (node.operation) {
      case Operator::add: return all([=](int64_t a) { return apply(Operator::add, a, b); });
      case Operator::subtract: return all([=](int64_t a) { return apply(Operator::subtract, a, b); });
      case Operator::multiply: return all([=](int64_t a) { return apply(Operator::multiply, a, b); });
      case Operator::divide: return all([=](int64_t a) { return apply(Operator::divide, a, b); });
      case Operator::remainder: return all([=](int64_t a) { return apply(Operator::remainder, a, b); });
      case Operator::bit_and: return all([=](int64_t a) { return a & b; });
      case Operator::bit_or: return all([=](int64_t a) { return a | b; });
      case Operator::bit_xor: return all([=](int64_t a) { return a ^ b; });
    }
  }

  void number_pair(const Node& node, const Stretch& at, uint64_t* bits) const {
    const elanus_column &a = column(node), &b = columns_[node.other];
    Scratch& s = at.scratch;
    const auto copy = [&](const elanus_column& c, auto* to) {
      const auto all = [&](const auto* values) {
        for (uint32_t i = 0; i < at.count; ++i) to[i] = (std::remove_reference_t<decltype(*to)>)values[i];
      };
      if (c.type == ELANUS_COLUMN_FLOAT || c.type == ELANUS_COLUMN_DOUBLE) with_floats(c, at, all);
      else with_integers(c, at, all);
    };
    if (a.type <= ELANUS_COLUMN_INT64 && b.type <= ELANUS_COLUMN_INT64) {
      copy(a, s.integers);
      copy(b, s.others);
      return each(at, bits, [&](uint32_t i) { return holds(node.comparison, s.integers[i], s.others[i]); });
    }
    copy(a, s.floats);
    copy(b, s.other_floats);
    each(at, bits, [&](uint32_t i) { return holds(node.comparison, s.floats[i], s.other_floats[i]); });
  }

  Texts texts(const elanus_column& c, const Stretch& at) const {
    const uint32_t* offsets = c.offsets + at.first;
    bool bad = offsets[at.count] > c.byte_count;
    for (uint32_t i = 0; i < at.count; ++i) bad |= offsets[i] > offsets[i + 1];
    if (bad) fail(ELANUS_INVALID, "the offsets of texts are in no order");
    // A column of empty texts may have no bytes at all.
    static const uint8_t nothing = 0;
    return {offsets, c.bytes ? c.bytes : &nothing, at.count};
  }

  // ------------------------------------------------------------------------------------------------------- places

  void places(const Node& node, const Stretch& at, const uint64_t* wanted, Verdict& out) const {
    const elanus_column& c = column(node);
    const uint8_t* classes = (const uint8_t*)c.values + at.first;
    const int64_t* words = c.words + at.first;
    out.all_known = false;
    if (node.op == Op::place_class) {
      const auto within = [&](uint32_t set) { return [=](uint32_t i) { return classes[i] < 32 && (set >> classes[i] & 1); }; };
      each(at, out.truth, within(node.true_classes));
      if (!node.by_valid) each(at, out.known, within(node.known_classes));
      else if (c.valid) table_.set_bytes(c.valid + at.first, at.count, out.known);
      else out.all_known = true;
      for (uint32_t w = 0; w < at.words; ++w) out.truth[w] &= known(out, w);
      return;
    }
    std::memset(out.truth, 0, at.words * 8);
    std::memset(out.known, 0, at.words * 8);
    for (uint32_t w = 0; w < at.words; ++w) {
      uint64_t left = wanted ? wanted[w] : ~0ull;
      if (w + 1 == at.words) left &= at.last;
      uint64_t truth = 0, known = 0;
      for (; left; left &= left - 1) {
        const uint32_t bit = (uint32_t)__builtin_ctzll(left), i = w * 64 + bit;
        const int answer = judge(node, c, classes[i], words[i], &at.scratch.text);
        truth |= (uint64_t)(answer & 1) << bit;
        known |= (uint64_t)(answer != 2) << bit;
      }
      out.truth[w] = truth;
      out.known[w] = known;
    }
  }

  elanus_filter filter_;
  const std::vector<elanus_column> columns_;
  const FilterTable& table_;
  uint32_t depth_ = 0;
  Node root_ = {};
};

class FilterJob final : public Job {
 public:
  FilterJob(const elanus_filter& filter, elanus_done done, void* context)
      : Job(done, context), filter_(filter), columns_(filter.columns, filter.columns + filter.column_count) {
    check_filter(filter);
    filter_.columns = columns_.data();
    set_pieces(std::max<uint64_t>(1, (filter.row_count + piece_rows - 1) / piece_rows));
  }

 protected:
  void work(uint64_t piece) override {
    // Large sets take their time, and that is not the caller's.
    {
      std::lock_guard<std::mutex> hold(lock_);
      if (!program_) program_ = std::make_unique<Program>(filter_);
    }
    const uint64_t end = std::min((piece + 1) * piece_rows, filter_.row_count);
    for (uint64_t row = piece * piece_rows; row < end && !stopped(); row += stretch_rows)
      program_->stretch(row, (uint32_t)std::min<uint64_t>(stretch_rows, end - row));
  }
  Round settle(uint64_t*) override { return stopped() ? Round::interrupted : Round::complete; }
  void let_go() override { program_.reset(); }

 private:
  elanus_filter filter_;
  const std::vector<elanus_column> columns_;
  std::mutex lock_;
  std::unique_ptr<Program> program_;
};

}  // namespace

std::shared_ptr<Job> make_filter(const elanus_filter& filter, elanus_done done, void* context) {
  return std::make_shared<FilterJob>(filter, done, context);
}

void run_filter(const elanus_filter& filter) {
  Program program(filter);
  for (uint64_t row = 0; row < program.rows(); row += stretch_rows)
    program.stretch(row, (uint32_t)std::min<uint64_t>(stretch_rows, program.rows() - row));
}

}  // namespace elanus
