#include "filter_judge.h"
#include <cstring>
#include "filter_json.h"
#include "filter_math.h"

namespace elanus {

namespace {

// Reads the elements one after the other until there are no more or `take` says that it has seen enough.
template <class Take> void elements_of(const uint8_t* start, const uint8_t* end, Take take) {
  const uint8_t* limit = end - 1;   // the bracket that closes
  JsonValue value;
  for (const uint8_t* at = start + 1; at < limit;) {
    at = skip_space(at, limit);
    if (at >= limit) return;
    if (*at == ',') {
      ++at;
      continue;
    }
    at = read_json(at, limit, &value);
    if (!take(value)) return;
  }
}

int judge_array(const Node& node, const elanus_column& c, int64_t word, std::string* text) {
  const uint64_t start = (uint64_t)word & 0xffffffffu, end = (uint64_t)word >> 32;
  if (start >= end || end > c.byte_count || !c.bytes) return 2;
  const auto is = [&](const Node& wanted, const JsonValue& value) { return judge(wanted, c, value.kind, json_word(value, c.bytes), text) == 1; };
  int64_t count = 0;
  bool found = false;
  elements_of(c.bytes + start, c.bytes + end, [&](const JsonValue& value) {
    const uint64_t number = (uint64_t)count++;
    if (node.op == Op::place_lengths) return true;
    if (node.op == Op::place_arrays) {
      found = number < node.nodes.size() && is(node.nodes[number], value);
      return found;
    }
    for (const Node& wanted : node.nodes) found = found || is(wanted, value);
    return !found;
  });
  if (node.op == Op::place_lengths) return (count >= node.lower && count <= node.upper) != node.outside;
  if (node.op == Op::place_arrays) return (count == 0 || found) && (uint64_t)count == node.nodes.size();
  return found;
}

}  // namespace

int judge(const Node& node, const elanus_column& c, uint8_t kind, int64_t word, std::string* text) {
  if (node.op == Op::place_number) {
    if (kind == ELANUS_CLASS_TEXT || kind == ELANUS_CLASS_ESCAPED) {
      const uint64_t start = (uint64_t)word & 0xffffffffu, end = (uint64_t)word >> 32;
      if (start > end || end > c.byte_count || !c.bytes) return 2;
      const uint8_t *from = c.bytes + start, *to = c.bytes + end;
      if (kind == ELANUS_CLASS_ESCAPED) {
        if (!unescape(from, (uint32_t)(end - start), text)) return 2;
        from = (const uint8_t*)text->data();
        to = from + text->size();
      }
      double number;
      if (!number_of_text(from, to, &number)) return 2;
      std::memcpy(&word, &number, 8);
      kind = ELANUS_CLASS_DOUBLE;
    }
    return judge(node.nodes[0], c, kind, word, text);
  }
  const bool is_integer = kind == ELANUS_CLASS_INTEGER || kind == ELANUS_CLASS_WIDE;
  if (node.op == Op::place_text) {
    if (kind != ELANUS_CLASS_TEXT && kind != ELANUS_CLASS_ESCAPED) return 2;
    const uint64_t start = (uint64_t)word & 0xffffffffu, end = (uint64_t)word >> 32;
    if (start > end || end > c.byte_count || !c.bytes) return 2;
    if (kind == ELANUS_CLASS_TEXT) return node.text->holds(c.bytes + start, (uint32_t)(end - start));
    if (!unescape(c.bytes + start, (uint32_t)(end - start), text)) return 2;
    return node.text->holds((const uint8_t*)text->data(), (uint32_t)text->size());
  }
  if (node.op == Op::place_class) {
    const auto within = [&](uint32_t classes) { return kind < 32 && (classes >> kind & 1); };
    return within(node.known_classes) ? within(node.true_classes) : 2;
  }
  if (node.op == Op::place_holder || node.op == Op::place_arrays || node.op == Op::place_lengths)
    return kind == ELANUS_CLASS_ARRAY ? judge_array(node, c, word, text) : 2;
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

}  // namespace elanus
