// libpq's client interface, as the system installs it.
#ifndef MUSTER_CLIBPQ_SHIM_H
#define MUSTER_CLIBPQ_SHIM_H
#include <libpq-fe.h>
#endif
