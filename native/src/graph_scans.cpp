#include "cluster_scan.h"
#include "graph_search.h"
#include "nearest_codes.h"

namespace elanus {

namespace {

constexpr uint32_t block_room = 4096;         // rows that are looked at at once
constexpr uint32_t most_cluster_width = 1024; // who wants more wants all
constexpr double missed_share = 0.0005;       // of k at ef 64: cluster_scan.h
constexpr double first_part_of_cost = 0.02;   // of a scan's: may be spent on finding out what clusters cost
constexpr uint32_t least_scan_margin = 256, scan_margin_share = 16;

}  // namespace

// Calls use() for each block of allowed rows, whose numbers are in s.numbers.
template <class Use> void GraphSearch::each_allowed(Scratch& s, Use use) const {
  const uint64_t whole = rows_ / 64;
  for (uint64_t word = 0; word < whole;) {
    go_on();
    s.numbers.resize(block_room);
    s.numbers.resize(list_allowed(&word, whole, s.numbers.data()));
    if (!s.numbers.empty()) use();
  }
  s.numbers.clear();
  for (uint32_t row = (uint32_t)(64 * whole); row < rows_; ++row)
    if (is_allowed(row)) s.numbers.push_back(row);
  if (!s.numbers.empty()) use();
}

// The rows of some words of bits, from the first on, which becomes the next.
uint32_t GraphSearch::list_allowed(uint64_t* word, uint64_t last, uint32_t* rows) const {
  if (plan_.allowed) return table_.list_members(plan_.allowed, word, last, rows, block_room);
  const uint64_t first = *word;
  *word = std::min<uint64_t>(last, first + block_room / 64);
  for (uint64_t row = 64 * first; row < 64 * *word; ++row) *rows++ = (uint32_t)row;
  return (uint32_t)(64 * (*word - first));
}

void GraphSearch::scan_codes(Asked& a) const {
  ++a.effort.code_scans;
  const uint32_t margin = std::max({3 * plan_.k, least_scan_margin, (uint32_t)(allowed_count_ / scan_margin_share)});
  NearestCodes nearest(*index_, a.grid, plan_.k, margin);
  each_allowed(a.s, [&] {
    nearest.look(a.s);
    a.effort.distances += (double)a.s.numbers.size();
  });
  nearest.take(a.s);
}

// False if it is no cheaper than a scan of all allowed rows.
bool GraphSearch::scan_clusters(Asked& a) const {
  if (!plan_.allowed || !index_->clusters.count() || plan_.ef > most_cluster_width || ClusterScan::first_cost(*index_) > first_part_of_cost * scan_cost()) return false;
  const double missed = missed_share * wanted() * 64 / width();
  ClusterScan scan(*index_, a.grid.codes, plan_.allowed, wanted(), share(), missed, scan_cost(), a.s);
  NearestCodes nearest(*index_, a.grid, plan_.k, std::max(3 * plan_.k, least_scan_margin));
  while (scan.next()) {
    nearest.look(a.s);
    scan.saw();
    a.effort.distances += (double)a.s.numbers.size();
    go_on();
  }
  if (scan.has_given_up()) return false;
  ++a.effort.code_scans;
  nearest.take(a.s);
  look_again(a, ~0u, false);
  look_at_zero_rows(a);
  look_outside(a);
  return true;
}

void GraphSearch::scan_raw(Asked& a) const {
  ++a.effort.raw_scans;
  each_allowed(a.s, [&] {
    std::swap(a.pending, a.s.numbers);
    settle_pending(a);
  });
}

}  // namespace elanus
