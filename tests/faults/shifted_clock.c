/* Preloaded into processes: their clock of the day stands still or is off by so many seconds.
   The file named by HUYING_FAULT_CLOCK holds two doubles: where the clock stands (seconds since
   1970, 0 = it runs), and by how much it is off. CLOCK_MONOTONIC stays what it is. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile double *setting;

__attribute__((constructor)) static void find(void) {
  const char *path = getenv("HUYING_FAULT_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *found = mmap(0, 2 * sizeof(double), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (found != MAP_FAILED) setting = found;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int failed = (int)syscall(SYS_clock_gettime, clock, now);
  if (failed || !setting || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
    return failed;
  double at = setting[0] ? setting[0] : (double)now->tv_sec + setting[1];
  if (setting[0]) now->tv_nsec = (long)((at - (double)(time_t)at) * 1e9);
  now->tv_sec = (time_t)at;
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *where) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (where) *where = exact.tv_sec;
  return exact.tv_sec;
}
