#include "filter_run.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include "dispatch.h"
#include "filter_code.h"

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
  uint8_t classes[stretch_rows];
  std::string text;
};

Scratch& scratch(uint32_t depth) {
  static thread_local std::unique_ptr<Scratch> own;
  if (!own) own = std::make_unique<Scratch>();
  // A deep program leaves no memory behind for ever.
  if (own->verdicts.size() < depth || own->verdicts.size() > 4 * (size_t)depth + 16) own->verdicts.resize(depth);
  return *own;
}

void check(const elanus_filter& f) {
  if (f.row_count > ELANUS_NO_ROW) fail(ELANUS_INVALID, "%llu rows are too many", (unsigned long long)f.row_count);
  const uint64_t bits = (f.row_count + 63) / 64 * 8;
  if ((f.code_count && !f.code) || (f.constant_bytes && !f.constants) || (f.column_count && !f.columns)) fail(ELANUS_INVALID, "a buffer is missing");
  if (f.passing_bytes < bits || (bits && !f.passing)) fail(ELANUS_INVALID, "no room for the bits of %llu rows", (unsigned long long)f.row_count);
  if (f.wanted && f.wanted_bytes < bits) fail(ELANUS_INVALID, "%llu bytes of wanted rows are too few", (unsigned long long)f.wanted_bytes);
  for (uint64_t i = 0; i < f.column_count; ++i) {
    const elanus_column& c = f.columns[i];
    const bool is_text = c.type == ELANUS_COLUMN_TEXT, is_place = c.type == ELANUS_COLUMN_PLACE;
    if (c.type == ELANUS_COLUMN_ANY || is_text) {
      if (is_text && (c.offset_count <= f.row_count || !c.offsets || (c.byte_count && !c.bytes))) fail(ELANUS_INVALID, "column %llu has too few texts", (unsigned long long)i);
    } else if (c.value_count < f.row_count || (f.row_count && !c.values)) {
      fail(ELANUS_INVALID, "column %llu has too few values", (unsigned long long)i);
    }
    if (is_place && (c.word_count < f.row_count || (f.row_count && !c.words) || (c.byte_count && !c.bytes))) fail(ELANUS_INVALID, "column %llu has too few places", (unsigned long long)i);
    if (c.valid && c.valid_count < f.row_count) fail(ELANUS_INVALID, "column %llu has too few marks of values", (unsigned long long)i);
  }
}

int64_t apply(Operator operation, int64_t left, int64_t right) {
  const uint64_t a = (uint64_t)left, b = (uint64_t)right;
  switch (operation) {
    case Operator::add: return (int64_t)(a + b);
    case Operator::subtract: return (int64_t)(a - b);
    case Operator::multiply: return (int64_t)(a * b);
    case Operator::divide: return right == -1 ? (int64_t)(0 - a) : left / right;
    case Operator::remainder: return right == -1 ? 0 : left % right;
    case Operator::bit_and: return left & right;
    case Operator::bit_or: return left | right;
    case Operator::bit_xor: return left ^ right;
  }
  return 0;
}

double apply(Operator operation, double left, double right) {
  switch (operation) {
    case Operator::add: return left + right;
    case Operator::subtract: return left - right;
    case Operator::multiply: return left * right;
    case Operator::divide: return left / right;
    default: return std::numeric_limits<double>::quiet_NaN();
  }
}

template <class T> bool holds(Comparison comparison, T left, T right) {
  switch (comparison) {
    case Comparison::equal: return left == right;
    case Comparison::unequal: return left != right;
    case Comparison::less: return left < right;
    case Comparison::less_equal: return left <= right;
    case Comparison::greater: return left > right;
    case Comparison::greater_equal: return left >= right;
  }
  return false;
}

class Program {
 public:
  explicit Program(const elanus_filter& filter)
      : filter_(filter), columns_(filter.columns, filter.columns + filter.column_count), table_(table().filter) {
    check(filter);
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
        return places(node, at, wanted, out);
      default:
        break;
    }
    leaf(node, at, wanted, out);
    if (node.outside) {
      for (uint32_t w = 0; w < at.words; ++w) out.truth[w] = ~out.truth[w];
      trim(at, out);
    }
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

  void leaf(const Node& node, const Stretch& at, const uint64_t* wanted, Verdict& out) const {
    Scratch& s = at.scratch;
    const elanus_column& c = column(node);
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
      default:
        return node.text->rows(texts(c, at), wanted, out.truth);
    }
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
        const int answer = judge(node, c, classes[i], words[i], at.scratch);
        truth |= (uint64_t)(answer & 1) << bit;
        known |= (uint64_t)(answer != 2) << bit;
      }
      out.truth[w] = truth;
      out.known[w] = known;
    }
  }

  // 0 FALSE, 1 TRUE, 2 UNKNOWN
  static int judge(const Node& node, const elanus_column& c, uint8_t kind, int64_t word, Scratch& s) {
    const bool is_integer = kind == ELANUS_CLASS_INTEGER || kind == ELANUS_CLASS_WIDE;
    if (node.op == Op::place_text) {
      if (kind != ELANUS_CLASS_TEXT && kind != ELANUS_CLASS_ESCAPED) return 2;
      const uint64_t start = (uint64_t)word & 0xffffffffu, end = (uint64_t)word >> 32;
      if (start > end || end > c.byte_count || !c.bytes) return 2;
      if (kind == ELANUS_CLASS_TEXT) return node.text->holds(c.bytes + start, (uint32_t)(end - start));
      if (!unescape(c.bytes + start, (uint32_t)(end - start), &s.text)) return 2;
      return node.text->holds((const uint8_t*)s.text.data(), (uint32_t)s.text.size());
    }
    if (!is_integer && kind != ELANUS_CLASS_DOUBLE) return 2;
    double number;
    if (is_integer) number = (double)word;
    else std::memcpy(&number, &word, 8);
    if (node.op == Op::place_set) return is_integer ? node.integers->has(word) || node.doubles->has(double_bits(number)) : node.rounded->has(double_bits(number));
    bool is_whole = is_integer;
    if (node.op == Op::place_math) {
      is_whole = is_integer && node.integer_operand;
      if (is_whole) {
        word = apply(node.operation, word, node.operand);
        number = (double)word;
      } else {
        if (node.operation > Operator::divide) return 2;
        number = apply(node.operation, number, node.float_operand);
      }
    }
    const bool inside = is_whole && node.integer_ends ? word >= node.lower && word <= node.upper : number >= node.float_lower && number <= node.float_upper;
    return inside != node.outside;
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
    check(filter);
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
