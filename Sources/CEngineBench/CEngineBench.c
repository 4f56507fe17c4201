#include "CEngineBench.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

// The functions of this program's C library that do the work; ours only count.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_long allocations;

void *malloc(size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    *result = __libc_memalign(alignment, size);
    return *result == NULL ? ENOMEM : 0;
}

long engine_bench_allocations(void) { return atomic_load_explicit(&allocations, memory_order_relaxed); }

void engine_bench_hpa(const int32_t *sizes, const int64_t *values, int64_t count, int64_t metrics, int64_t target, int32_t least, int32_t most, int32_t *out) {
    for (int64_t workload = 0; workload < count; workload++) {
        int32_t size = sizes[workload], wanted = 0;
        for (int64_t metric = 0; metric < metrics; metric++) {
            double ratio = (double)values[workload * metrics + metric] / (double)target;
            int32_t proposal = ratio >= 0.9 && ratio <= 1.1 ? size : (int32_t)ceil(ratio * (double)size);
            if (proposal > wanted) wanted = proposal;
        }
        out[workload] = wanted < least ? least : wanted > most ? most : wanted;
    }
}
