// Times moved by calendar months, in UTC and the proleptic Gregorian calendar; and the hash that samples rows.
//
// Always true: a day that the month does not have runs over into the next month; nothing overflows, whatever the numbers are.
#pragma once
#include <cstdint>

namespace elanus {

struct DayTime {
  int64_t day, microsecond;   // since 1970, of that day
};

constexpr int64_t day_microseconds = 86400000000;

inline int64_t floor_divide(int64_t value, int64_t divisor) { return value / divisor - (value % divisor < 0); }

// The calendar begins in March, so that the day that comes and goes is a year's last.
inline int64_t day_of(int64_t year, int64_t month, int64_t day) {
  if (month <= 2) --year;
  const int64_t era = floor_divide(year, 400), of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

inline DayTime later(int64_t microseconds, int32_t months) {
  const int64_t whole = floor_divide(microseconds, day_microseconds), rest = microseconds - whole * day_microseconds;
  const int64_t days = whole + 719468, era = floor_divide(days, 146097), of_era = days - era * 146097;
  const int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * years + years / 4 - years / 100), march = (5 * of_year + 2) / 153;
  const int64_t day = of_year - (153 * march + 2) / 5 + 1, month = march < 10 ? march + 3 : march - 9;
  const int64_t moved = (years + era * 400 + (month <= 2)) * 12 + month - 1 + months, year = floor_divide(moved, 12);
  return {day_of(year, moved - year * 12 + 1, 1) + day - 1, rest};
}

inline int order_of(DayTime left, DayTime right) {
  if (left.day != right.day) return left.day < right.day ? -1 : 1;
  return left.microsecond < right.microsecond ? -1 : left.microsecond > right.microsecond;
}

// 32 bits that depend on all of both numbers.
inline int64_t hash_of_row(uint32_t row, uint32_t seed) {
  uint32_t hash = ((row ^ seed) * 0x9e3779b1u) ^ (seed >> 16);
  hash = (hash ^ (hash >> 15)) * 0x85ebca6bu;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
  return hash ^ (hash >> 16);
}

}  // namespace elanus
