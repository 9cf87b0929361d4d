#include "filter_code.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include "failure.h"
#include "filter_box.h"
#include "filter_regex.h"

namespace elanus {

IntegerSet::IntegerSet(std::vector<int64_t> values) {
  constexpr size_t very_few = 8;
  constexpr uint64_t small_range = 1 << 16;
  if (values.size() <= very_few) few_ = values;
  if (!values.empty()) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    range_ = (uint64_t)*most - (uint64_t)*least + 1;
    first_ = *least;
  }
  if (range_ && range_ <= std::max<uint64_t>(small_range, values.size() * 64)) {
    bits_.resize((range_ + 63) / 64);
    for (const int64_t value : values) {
      const uint64_t at = (uint64_t)value - (uint64_t)first_;
      bits_[at / 64] |= 1ull << at % 64;
    }
    return;
  }
  // A value that is none of them marks empty places.
  empty_ = INT64_MIN + 1;
  while (std::find(values.begin(), values.end(), empty_) != values.end()) ++empty_;
  uint64_t size = 8;
  while (size < values.size() * 2) size *= 2;
  mask_ = size - 1;
  slots_.assign(size, empty_);
  // Sixteen bits a value.
  while (sketch_shift_ > 32 && (1ull << (64 - sketch_shift_)) < values.size() * 16) --sketch_shift_;
  sketch_.resize((1ull << (64 - sketch_shift_)) / 64);
  for (const int64_t value : values) {
    const uint64_t bit = (uint64_t)value * 0x9e3779b97f4a7c15ull >> sketch_shift_;
    sketch_[bit / 64] |= 1ull << bit % 64;
    uint64_t place = hash(value) & mask_;
    while (slots_[place] != empty_ && slots_[place] != value) place = (place + 1) & mask_;
    slots_[place] = value;
  }
}

namespace {

bool is_integer(uint32_t type) { return type >= ELANUS_COLUMN_BOOL && type <= ELANUS_COLUMN_INT64; }
bool is_float(uint32_t type) { return type == ELANUS_COLUMN_FLOAT || type == ELANUS_COLUMN_DOUBLE; }
bool is_text(uint32_t type) { return type == ELANUS_COLUMN_TEXT; }
bool is_place(uint32_t type) { return type == ELANUS_COLUMN_PLACE; }
bool is_number(uint32_t type) { return is_integer(type) || is_float(type); }
bool is_array(uint32_t type) { return type == ELANUS_COLUMN_ARRAY; }
bool is_whole(uint32_t type) { return type == ELANUS_COLUMN_INT64; }
bool is_any(uint32_t) { return true; }

bool is_text_test(Op op) { return (op >= Op::text_range && op <= Op::like) || op == Op::regex; }
bool is_element_test(Op op) { return (op >= Op::integers && op <= Op::float_math) || is_text_test(op); }
bool is_place_test(Op op) { return (op >= Op::place_range && op <= Op::place_math) || op == Op::place_arrays; }

class Reader {
 public:
  explicit Reader(const elanus_filter& filter) : filter_(filter) {}

  Node program(uint32_t* depth) {
    Node root = node(filter_.code_count, 1);
    if (at_ != filter_.code_count) bad("words are left");
    *depth = deepest_;
    return root;
  }

 private:
  [[noreturn]] void bad(const char* what) const { fail(ELANUS_INVALID, "the program of the filter is damaged at word %llu: %s", (unsigned long long)at_, what); }

  uint32_t word() {
    if (at_ >= end_) bad("words are missing");
    return filter_.code[at_++];
  }
  bool flag(uint32_t word, uint32_t bit) const { return word & bit; }

  uint32_t column(bool (*fits)(uint32_t)) {
    const uint32_t number = word();
    if (number >= filter_.column_count) bad("there is no such column");
    uint32_t type = filter_.columns[number].type;
    if (over_elements_) type = type & ELANUS_COLUMN_ELEMENTS ? type & ~ELANUS_COLUMN_ELEMENTS : 0;
    if (!fits(type) || (type & ELANUS_COLUMN_ELEMENTS)) bad("the column has another type");
    return number;
  }
  const uint8_t* constants(uint64_t from, uint64_t bytes) const {
    if (from > filter_.constant_bytes || bytes > filter_.constant_bytes - from) bad("there are fewer constants");
    return filter_.constants + from;
  }
  template <class T> T constant(uint64_t place) const {
    static_assert(sizeof(T) == 8);
    T value;
    std::memcpy(&value, constants(place * 8, 8), 8);
    return value;
  }
  std::string text(uint64_t from, uint64_t size) const {
    const uint8_t* at = constants(from, size);
    return std::string((const char*)at, size);
  }
  Operator operation() {
    const uint32_t number = word();
    if (number > (uint32_t)Operator::bit_xor) bad("there is no such operator");
    return (Operator)number;
  }
  Comparison comparison() {
    const uint32_t number = word();
    if (number > (uint32_t)Comparison::greater_equal) bad("there is no such comparison");
    return (Comparison)number;
  }
  std::unique_ptr<IntegerSet> integer_set() {
    const uint64_t place = word(), count = word();
    const uint8_t* at = constants(place * 8, count * 8);
    std::vector<int64_t> values(count);
    if (count) std::memcpy(values.data(), at, count * 8);
    return std::make_unique<IntegerSet>(std::move(values));
  }
  std::unique_ptr<IntegerSet> double_set() {
    const uint64_t place = word(), count = word();
    constants(place * 8, count * 8);
    std::vector<int64_t> values;
    for (uint64_t i = 0; i < count; ++i) {
      const double value = constant<double>(place + i);
      if (!std::isnan(value)) values.push_back(double_bits(value));
    }
    return std::make_unique<IntegerSet>(std::move(values));
  }
  void refuse_zero(const Node& made, bool is_zero) const {
    if (is_zero && (made.operation == Operator::divide || made.operation == Operator::remainder)) bad("a division by zero");
  }
  void children(Node* made, uint64_t end, uint32_t depth) {
    if (at_ == end) bad("operands are missing");
    while (at_ < end) made->nodes.push_back(node(end, depth + 1));
  }

  // Of one element: a test over the values that its column holds.
  void element_node(Node* made, uint64_t end, uint32_t depth) {
    over_elements_ = true;
    made->nodes.push_back(node(end, depth + 1));
    over_elements_ = false;
    if (!is_element_test(made->nodes[0].op)) bad("a node of elements is expected");
  }
  // Of what stands in an array at a place: its column's classes and words are those of the element.
  void place_nodes(Node* made, uint64_t end, uint32_t depth) {
    while (at_ < end) {
      made->nodes.push_back(node(end, depth + 1));
      const Node& inner = made->nodes.back();
      if (!is_place_test(inner.op) || inner.by_valid || inner.column != made->column) bad("a node of the place's elements is expected");
    }
  }

  Node node(uint64_t limit, uint32_t depth) {
    if (depth > ELANUS_FILTER_DEPTH) bad("it is too deep");
    if (depth > deepest_) deepest_ = depth;
    if (at_ >= limit) bad("a node is missing");
    const uint32_t head = filter_.code[at_];
    const uint64_t length = head >> 8;
    if (length < 1 || length > limit - at_) bad("a node does not fit");
    const uint64_t outer = end_, end = at_ + length;
    end_ = end;
    ++at_;
    Node made = operands((Op)(head & 0xff), end, depth);
    if (at_ != end) bad("a node has words left");
    end_ = outer;
    return made;
  }

  Node operands(Op op, uint64_t end, uint32_t depth) {
    Node made;
    made.op = op;
    switch (op) {
      case Op::constant:
        made.value = word() != 0;
        break;
      case Op::conjunction:
      case Op::disjunction:
      case Op::merge:
        children(&made, end, depth);
        break;
      case Op::negation:
        made.nodes.push_back(node(end, depth + 1));
        break;
      case Op::valid:
        made.column = column(is_any);
        break;
      case Op::integers: {
        made.column = column(is_integer);
        made.outside = word() != 0;
        const uint64_t place = word();
        made.lower = constant<int64_t>(place);
        made.upper = constant<int64_t>(place + 1);
        break;
      }
      case Op::floats: {
        made.column = column(is_float);
        made.outside = word() != 0;
        const uint64_t place = word();
        made.float_lower = constant<double>(place);
        made.float_upper = constant<double>(place + 1);
        break;
      }
      case Op::integer_set:
        made.column = column(is_integer);
        made.integers = integer_set();
        break;
      case Op::float_set:
        made.column = column(is_float);
        made.doubles = double_set();
        break;
      case Op::integer_math: {
        made.column = column(is_integer);
        made.operation = operation();
        made.outside = word() != 0;
        const uint64_t place = word();
        made.operand = constant<int64_t>(place);
        made.lower = constant<int64_t>(place + 1);
        made.upper = constant<int64_t>(place + 2);
        refuse_zero(made, made.operand == 0);
        break;
      }
      case Op::float_math: {
        made.column = column(is_float);
        made.operation = operation();
        if (made.operation > Operator::divide) bad("floats have no such operator");
        made.outside = word() != 0;
        const uint64_t place = word();
        made.float_operand = constant<double>(place);
        made.float_lower = constant<double>(place + 1);
        made.float_upper = constant<double>(place + 2);
        break;
      }
      case Op::number_pair:
      case Op::text_pair:
        made.column = column(op == Op::text_pair ? is_text : is_number);
        made.other = column(op == Op::text_pair ? is_text : is_number);
        made.comparison = comparison();
        break;
      case Op::text_range:
      case Op::text_set:
      case Op::like:
      case Op::regex:
        text_operands(&made, is_text);
        break;
      case Op::place_range: {
        made.column = column(is_place);
        const uint32_t flags = word();
        made.outside = flag(flags, 1);
        made.integer_ends = flag(flags, 2);
        ends(&made, word());
        break;
      }
      case Op::place_text: {
        made.column = column(is_place);
        if (at_ >= end) bad("a node is missing");
        const uint32_t head = filter_.code[at_++];
        if (head >> 8 != end - at_ + 1) bad("a node does not fit");
        Node inner;
        inner.op = (Op)(head & 0xff);
        if (!is_text_test(inner.op)) bad("a node of a text is expected");
        text_operands(&inner, is_place);
        made.text = std::move(inner.text);
        break;
      }
      case Op::place_class:
        made.column = column(is_place);
        made.true_classes = word();
        made.known_classes = word();
        made.by_valid = word() != 0;
        break;
      case Op::place_set:
        made.column = column(is_place);
        made.integers = integer_set();
        made.doubles = double_set();
        made.rounded = double_set();
        break;
      case Op::place_math: {
        made.column = column(is_place);
        made.operation = operation();
        const uint32_t flags = word();
        made.outside = flag(flags, 1);
        made.integer_ends = flag(flags, 2);
        made.integer_operand = flag(flags, 4);
        const uint64_t place = word();
        made.operand = constant<int64_t>(place);
        made.float_operand = constant<double>(place + 1);
        ends(&made, place + 2);
        refuse_zero(made, made.integer_operand && made.operand == 0);
        break;
      }
      case Op::lengths:
      case Op::place_lengths: {
        made.column = column(op == Op::lengths ? is_array : is_place);
        made.outside = word() != 0;
        const uint64_t place = word();
        made.lower = constant<int64_t>(place);
        made.upper = constant<int64_t>(place + 1);
        break;
      }
      case Op::element:
      case Op::holder:
        made.column = column(is_array);
        if (op == Op::element) made.index = word();
        element_node(&made, end, depth);
        break;
      case Op::place_holder:
      case Op::place_arrays:
        made.column = column(is_place);
        place_nodes(&made, end, depth);
        break;
      case Op::place_number: {
        made.column = column(is_place);
        made.nodes.push_back(node(end, depth + 1));
        const Node& inner = made.nodes[0];
        if ((inner.op != Op::place_range && inner.op != Op::place_set && inner.op != Op::place_math) || inner.column != made.column) bad("a node of numbers is expected");
        break;
      }
      case Op::months: {
        made.column = column(is_whole);
        made.comparison = comparison();
        made.months = (int32_t)word();
        const uint64_t place = word();
        made.lower = constant<int64_t>(place);
        made.upper = constant<int64_t>(place + 1);
        break;
      }
      case Op::box: {
        made.column = column(is_text);
        const uint64_t place = word();
        const double ends[4] = {constant<double>(place), constant<double>(place + 1), constant<double>(place + 2), constant<double>(place + 3)};
        made.text = meets_box(ends);
        break;
      }
      case Op::sample:
        made.seed = word();
        made.upper = constant<int64_t>(word());
        break;
      default:
        bad("there is no such operation");
    }
    return made;
  }

  void ends(Node* made, uint64_t place) const {
    made->lower = constant<int64_t>(place);
    made->upper = constant<int64_t>(place + 1);
    made->float_lower = constant<double>(place + 2);
    made->float_upper = constant<double>(place + 3);
  }

  void text_operands(Node* made, bool (*fits)(uint32_t)) {
    made->column = column(fits);
    if (made->op == Op::text_range) {
      const uint32_t flags = word();
      const uint64_t lower = word(), lower_size = word(), upper = word(), upper_size = word();
      made->text = elanus::text_range({flag(flags, 1), flag(flags, 2), text(lower, lower_size)}, {flag(flags, 4), flag(flags, 8), text(upper, upper_size)});
      return;
    }
    const uint64_t from = word(), count = word();
    if (made->op == Op::like) {
      const uint8_t* at = constants(from, count * 2);   // before there is room made for so many
      std::vector<int16_t> units(count);
      if (count) std::memcpy(units.data(), at, count * 2);
      made->text = text_like(units);
      return;
    }
    if (made->op == Op::regex) {
      const uint8_t* at = constants(from, count * 4);
      std::vector<uint32_t> words(count);
      if (count) std::memcpy(words.data(), at, count * 4);
      made->text = text_regex(std::move(words));
      return;
    }
    const uint8_t* offsets = constants(from, (count + 1) * 4);
    const uint64_t bytes = from + (count + 1) * 4;
    std::vector<std::string> entries;
    entries.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      uint32_t start, stop;
      std::memcpy(&start, offsets + i * 4, 4);
      std::memcpy(&stop, offsets + i * 4 + 4, 4);
      if (start > stop) bad("the texts of a set are in no order");
      entries.push_back(text(bytes + start, stop - start));
    }
    made->text = elanus::text_set(std::move(entries));
  }

  const elanus_filter& filter_;
  uint64_t at_ = 0, end_ = 0;
  uint32_t deepest_ = 0;
  bool over_elements_ = false;
};

}  // namespace

Node read_program(const elanus_filter& filter, uint32_t* depth) { return Reader(filter).program(depth); }

}  // namespace elanus
