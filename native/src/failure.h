// How the inside reports what the caller did wrong. Thrown inside only: the C ABI turns it into a status and a text.
#pragma once
#include <cstdarg>
#include <cstdio>
#include "../include/elanus_kernel.h"

namespace elanus {

struct Failure {
  int status;
  elanus_error error;
};

[[noreturn]] __attribute__((format(printf, 2, 3))) inline void fail(int status, const char* format, ...) {
  Failure failure{status, {}};
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(failure.error.text, sizeof failure.error.text, format, arguments);
  va_end(arguments);
  throw failure;
}

}  // namespace elanus
