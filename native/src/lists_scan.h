// What a query brings to the lists: its place on the grid, the tables of its codes, and the distances of rows of one list.
//
// Always true: the distance of a row depends on the query and the row only.
#pragma once
#include "lists.h"

namespace elanus {

// Of one thread, kept from query to query.
struct ListsScratch {
  Scratch s{Owner::search};
  std::vector<int8_t> codes;
  std::vector<float> numbers;       // of the query
  std::vector<float> table;         // book: [subspace][padded words]
  std::vector<uint8_t> luts;        // blocks: 16 bytes a group
  std::vector<float> centre_distances, keys;
  std::vector<uint32_t> order, slots, kept;
};

class ListsQuery {
 public:
  ListsQuery(const ListsIndex& index, const unsigned char* query, uint32_t query_bits, ListsScratch& scratch);

  // Lists by the distance of their centres; the first `sorted` of scratch.order are in order. `sort` makes at least so many.
  void sort(uint32_t count);
  uint32_t list(uint32_t place) const { return t_.order[place]; }
  // Keys of these slots of the list into `out`; for codes in blocks: of `count` slots from slots[0] on, which begin a block.
  void keys(uint32_t list, const uint32_t* slots, uint32_t count, float* out) const;

 private:
  void prepare_book(const float* point);
  void prepare_luts(const float* point, uint32_t query_bits);
  void quantise(uint32_t group, const float* sixteen);
  float key_of(float distance) const;

  const ListsIndex& index_;
  ListsScratch& t_;
  GridQuery grid_;
  uint32_t sorted_ = 0;
  float lut_step_ = 0, lut_offset_ = 0;   // what a sum of the tables of bytes stands for: offset + step * sum
};

}  // namespace elanus
