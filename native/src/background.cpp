#include "background.h"
#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <pthread/qos.h>
#endif

namespace elanus {

#if defined(__linux__)

constexpr int steps_back = 10;   // of nice: a tenth of the weight

// Not a class for idle times only: a thread that held a lock of the process (that of its memory's map, say) while others of the machine
// computed would keep everybody waiting for it.
void step_back() {
  const sched_param none = {};
  sched_setscheduler(0, SCHED_BATCH, &none);   // 0 is the calling thread, and batches take nobody's core when they wake
  const int thread = (int)syscall(SYS_gettid);
  setpriority(PRIO_PROCESS, (id_t)thread, getpriority(PRIO_PROCESS, (id_t)thread) + steps_back);   // beyond the last step it is the last
}

#elif defined(__APPLE__)

void step_back() { pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0); }

#else

void step_back() {}

#endif

}  // namespace elanus
