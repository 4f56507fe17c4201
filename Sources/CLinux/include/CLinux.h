// Headers that Swift's Glibc module leaves out, and one variadic call that Swift can't make.
#ifndef MUSTER_CLINUX_H
#define MUSTER_CLINUX_H
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

/// Names the calling thread for the system's tools (15 characters).
static inline int clinux_name_thread(const char *name) { return prctl(PR_SET_NAME, name, 0, 0, 0); }
#endif
