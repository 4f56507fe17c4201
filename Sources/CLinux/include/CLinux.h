// Headers that Swift's Glibc module leaves out, and what Swift can't say: a variadic call and a signal handler.
#ifndef MUSTER_CLINUX_H
#define MUSTER_CLINUX_H
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

/// Names the calling thread for the system's tools (15 characters).
static inline int clinux_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }

/// From now on each of these signals writes its number into `descriptor`, as one byte, instead of what it did before. In C because a handler
/// may interrupt anything, also the runtime of another language. One descriptor a process. Returns 0 or an errno.
int clinux_write_signals(int descriptor, const int *numbers, int count);
#endif
