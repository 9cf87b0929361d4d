// The C ABI of filters: failures become a status and a text.
#include "boundary.h"
#include "filter_places.h"
#include "filter_run.h"

using namespace elanus;

int elanus_filter_start(const elanus_filter* filter, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require(filter);
    require((const void*)done);
    require(job);
    start(job, make_filter(*filter, done, context), WorkClass::search);
  });
}

int elanus_filter_run(const elanus_filter* filter, elanus_error* error) {
  return guarded(error, [&] {
    require(filter);
    run_filter(*filter);
  });
}

int elanus_places_start(const elanus_places* places, elanus_done done, void* context, elanus_job** job, elanus_error* error) {
  return guarded(error, [&] {
    require(places);
    require((const void*)done);
    require(job);
    start(job, make_places(*places, done, context), WorkClass::search);
  });
}

int elanus_places_run(const elanus_places* places, elanus_error* error) {
  return guarded(error, [&] {
    require(places);
    run_places(*places);
  });
}
