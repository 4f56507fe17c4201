#ifndef CENGINEBENCH_H
#define CENGINEBENCH_H

#include <stdint.h>

// Heap allocations of this process so far: malloc, calloc, realloc and the aligned ones.
long engine_bench_allocations(void);

// The HorizontalPodAutoscaler's formula and nothing else, for `count` workloads with `metrics` values each in thousandths: for every metric
// ceil(size * value / target) outside a tolerance of a tenth, the largest of them, clamped. No memory, no limits, no reasons. Writes the new sizes.
void engine_bench_hpa(const int32_t *sizes, const int64_t *values, int64_t count, int64_t metrics, int64_t target, int32_t least, int32_t most, int32_t *out);

#endif
