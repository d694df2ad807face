/*
 * OpenFX 1.5: the small suites that offer a service of the host - memory, threads,
 * messages, progress, time line. Written for this project; see openfx_core.h.
 */
#ifndef OPENFX_SYS_SERVICES_H
#define OPENFX_SYS_SERVICES_H

#include "openfx_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define kOfxMemorySuite "OfxMemorySuite"

/** The memory suite: memory allocated on behalf of an effect instance. */
typedef struct OfxMemorySuiteV1 {
    OfxStatus (*memoryAlloc)(void *handle, size_t nBytes, void **allocatedData);
    OfxStatus (*memoryFree)(void *allocatedData);
} OfxMemorySuiteV1;

#define kOfxMultiThreadSuite "OfxMultiThreadSuite"

#ifndef OPENFX_SYS_SHARED_TYPES
/** A recursive mutex of the host. NULL is a valid handle in some hosts. */
typedef struct OfxMutex *OfxMutexHandle;

/** A function that is called on each of `threadMax` threads. */
typedef void(OfxThreadFunctionV1)(unsigned int threadIndex, unsigned int threadMax, void *customArg);
#endif

/** The multi-thread suite: the host's threads and mutexes. */
typedef struct OfxMultiThreadSuiteV1 {
    OfxStatus (*multiThread)(OfxThreadFunctionV1 func, unsigned int nThreads, void *customArg);
    OfxStatus (*multiThreadNumCPUs)(unsigned int *nCPUs);
    OfxStatus (*multiThreadIndex)(unsigned int *threadIndex);
    int (*multiThreadIsSpawnedThread)(void);
    OfxStatus (*mutexCreate)(OfxMutexHandle *mutex, int lockCount);
    OfxStatus (*mutexDestroy)(const OfxMutexHandle mutex);
    OfxStatus (*mutexLock)(const OfxMutexHandle mutex);
    OfxStatus (*mutexUnLock)(const OfxMutexHandle mutex);
    OfxStatus (*mutexTryLock)(const OfxMutexHandle mutex);
} OfxMultiThreadSuiteV1;

#define kOfxMessageSuite "OfxMessageSuite"

/* Kinds of message. */
#define kOfxMessageFatal    "OfxMessageFatal"
#define kOfxMessageError    "OfxMessageError"
#define kOfxMessageWarning  "OfxMessageWarning"
#define kOfxMessageMessage  "OfxMessageMessage"
#define kOfxMessageLog      "OfxMessageLog"
#define kOfxMessageQuestion "OfxMessageQuestion"

/** The message suite, version 1: messages to the user, with printf formats. */
typedef struct OfxMessageSuiteV1 {
    OfxStatus (*message)(void *handle, const char *messageType, const char *messageId, const char *format, ...);
} OfxMessageSuiteV1;

/** The message suite, version 2: also a persistent message, which stays on the effect until it is cleared. */
typedef struct OfxMessageSuiteV2 {
    OfxStatus (*message)(void *handle, const char *messageType, const char *messageId, const char *format, ...);
    OfxStatus (*setPersistentMessage)(void *handle, const char *messageType, const char *messageId,
                                      const char *format, ...);
    OfxStatus (*clearPersistentMessage)(void *handle);
} OfxMessageSuiteV2;

#define kOfxProgressSuite "OfxProgressSuite"

/** The progress suite, version 1: a progress bar that the user can cancel. */
typedef struct OfxProgressSuiteV1 {
    OfxStatus (*progressStart)(void *effectInstance, const char *label);
    OfxStatus (*progressUpdate)(void *effectInstance, double progress);
    OfxStatus (*progressEnd)(void *effectInstance);
} OfxProgressSuiteV1;

/** The progress suite, version 2: the message also has an identifier, by which a host may translate or remember it. */
typedef struct OfxProgressSuiteV2 {
    OfxStatus (*progressStart)(void *effectInstance, const char *message, const char *messageid);
    OfxStatus (*progressUpdate)(void *effectInstance, double progress);
    OfxStatus (*progressEnd)(void *effectInstance);
} OfxProgressSuiteV2;

#define kOfxTimeLineSuite "OfxTimeLineSuite"

/** The time line suite: the current time and the range of the time line. */
typedef struct OfxTimeLineSuiteV1 {
    OfxStatus (*getTime)(void *instance, double *time);
    OfxStatus (*gotoTime)(void *instance, double time);
    OfxStatus (*getTimeBounds)(void *instance, double *firstTime, double *lastTime);
} OfxTimeLineSuiteV1;

#ifdef __cplusplus
}
#endif

#endif
