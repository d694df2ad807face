/* Attention for many narrow heads (4 to 16 numbers a head), forward and backward, in float32 on the processor.

   General attention kernels are made for heads of 64 and more; with heads this narrow almost all time goes into
   exponentials and into moving scores about. Here the scores of one query live in a row buffer, every loop runs
   over the keys, and keys and values are turned once a head so that those loops read memory in order.

   q [n, t, heads*D], k and v [n, s, heads*D], o like q; lse [n, heads, t] = log of the sum of exponentials. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* exp(x) for x <= 0, relative error about 2e-7: 2^i by its bits, 2^f by a polynomial on 0..1 (Chebyshev fit). */
static inline float exp_negative(float x) {
    float t = x * 1.44269504f;
    t = t < -126.0f ? -126.0f : t;
    float whole = floorf(t), f = t - whole;
    float p = 0.00189438f;
    p = p * f + 0.00894344f;
    p = p * f + 0.05586624f;
    p = p * f + 0.24013969f;
    p = p * f + 0.69315463f;
    p = p * f + 0.99999994f;
    union { int i; float f; } power = {((int)whole + 127) << 23};
    return p * power.f;
}

#define MAX_KEYS 2048

#define MAKE(D)                                                                                                       \
    static void turn_##D(const float *from, float *to, long s, long width) {                                          \
        for (long j = 0; j < s; j++)                                                                                  \
            for (int d = 0; d < D; d++) to[d * s + j] = from[j * width + d];                                          \
    }                                                                                                                 \
    static void forward_##D(const float *q, const float *k, const float *v, float *o, float *lse, long n, long t,     \
                            long s, long heads) {                                                                     \
        long width = heads * D;                                                                                       \
        float scale = 1.0f / sqrtf((float)D);                                                                         \
        _Pragma("omp parallel for collapse(2) schedule(static)") for (long b = 0; b < n; b++) for (long h = 0;        \
                                                                                                   h < heads; h++) {  \
            float kt[D * MAX_KEYS], vt[D * MAX_KEYS], row[MAX_KEYS];                                                  \
            turn_##D(k + b * s * width + h * D, kt, s, width);                                                        \
            turn_##D(v + b * s * width + h * D, vt, s, width);                                                        \
            for (long i = 0; i < t; i++) {                                                                            \
                const float *query = q + (b * t + i) * width + h * D;                                                 \
                float *out = o + (b * t + i) * width + h * D;                                                         \
                float qs[D], sums[D], most = -INFINITY, total = 0;                                                    \
                for (int d = 0; d < D; d++) qs[d] = query[d] * scale, sums[d] = 0;                                    \
                for (long j = 0; j < s; j++) {                                                                        \
                    float score = 0;                                                                                  \
                    for (int d = 0; d < D; d++) score += qs[d] * kt[d * s + j];                                       \
                    row[j] = score;                                                                                   \
                    most = score > most ? score : most;                                                               \
                }                                                                                                     \
                for (long j = 0; j < s; j++) {                                                                        \
                    float p = exp_negative(row[j] - most);                                                            \
                    total += p;                                                                                       \
                    for (int d = 0; d < D; d++) sums[d] += p * vt[d * s + j];                                         \
                }                                                                                                     \
                for (int d = 0; d < D; d++) out[d] = sums[d] / total;                                                 \
                lse[(b * heads + h) * t + i] = most + logf(total);                                                    \
            }                                                                                                         \
        }                                                                                                             \
    }                                                                                                                 \
    static void backward_##D(const float *q, const float *k, const float *v, const float *o, const float *lse,        \
                             const float *go, float *gq, float *gk, float *gv, long n, long t, long s, long heads) {  \
        long width = heads * D;                                                                                       \
        float scale = 1.0f / sqrtf((float)D);                                                                         \
        _Pragma("omp parallel for collapse(2) schedule(static)") for (long b = 0; b < n; b++) for (long h = 0;        \
                                                                                                   h < heads; h++) {  \
            float kt[D * MAX_KEYS], vt[D * MAX_KEYS], row[MAX_KEYS];                                                  \
            float gkt[D * MAX_KEYS], gvt[D * MAX_KEYS], slopes[MAX_KEYS];                                             \
            turn_##D(k + b * s * width + h * D, kt, s, width);                                                        \
            turn_##D(v + b * s * width + h * D, vt, s, width);                                                        \
            memset(gkt, 0, sizeof(float) * D * s);                                                                    \
            memset(gvt, 0, sizeof(float) * D * s);                                                                    \
            for (long i = 0; i < t; i++) {                                                                            \
                long at = (b * t + i) * width + h * D;                                                                \
                float qs[D], g[D], sums[D], delta = 0, top = lse[(b * heads + h) * t + i];                            \
                for (int d = 0; d < D; d++)                                                                           \
                    qs[d] = q[at + d] * scale, g[d] = go[at + d], delta += go[at + d] * o[at + d];       \
                for (long j = 0; j < s; j++) {                                                                        \
                    float score = -top, slope = -delta;                                                               \
                    for (int d = 0; d < D; d++) score += qs[d] * kt[d * s + j], slope += g[d] * vt[d * s + j];        \
                    float p = exp_negative(score < 0 ? score : 0);                                                    \
                    row[j] = p;                                                                                       \
                    slopes[j] = p * slope;                                                                            \
                }                                                                                                     \
                for (int d = 0; d < D; d++) {                                                                         \
                    float sum = 0;                                                                                    \
                    for (long j = 0; j < s; j++) {                                                                    \
                        sum += slopes[j] * kt[d * s + j];                                                             \
                        gkt[d * s + j] += slopes[j] * qs[d];                                                          \
                        gvt[d * s + j] += row[j] * g[d];                                                              \
                    }                                                                                                 \
                    sums[d] = sum;                                                                                    \
                }                                                                                                     \
                for (int d = 0; d < D; d++) gq[at + d] = sums[d] * scale;                                             \
            }                                                                                                         \
            for (long j = 0; j < s; j++)                                                                              \
                for (int d = 0; d < D; d++) {                                                                         \
                    gk[(b * s + j) * width + h * D + d] = gkt[d * s + j];                                             \
                    gv[(b * s + j) * width + h * D + d] = gvt[d * s + j];                                             \
                }                                                                                                     \
        }                                                                                                             \
    }

MAKE(4)
MAKE(6)
MAKE(8)
MAKE(10)
MAKE(12)
MAKE(16)

#define EACH(X) X(4) X(6) X(8) X(10) X(12) X(16)

/* Both return 0, or 1 where no code was made for that width or that many keys. */
int narrow_forward(const float *q, const float *k, const float *v, float *o, float *lse, long n, long t, long s,
                   long heads, long d) {
    if (s > MAX_KEYS) return 1;
#define CASE(D) if (d == D) return forward_##D(q, k, v, o, lse, n, t, s, heads), 0;
    EACH(CASE)
#undef CASE
    return 1;
}

int narrow_backward(const float *q, const float *k, const float *v, const float *o, const float *lse, const float *go,
                    float *gq, float *gk, float *gv, long n, long t, long s, long heads, long d) {
    if (s > MAX_KEYS) return 1;
#define CASE(D) if (d == D) return backward_##D(q, k, v, o, lse, go, gq, gk, gv, n, t, s, heads), 0;
    EACH(CASE)
#undef CASE
    return 1;
}
