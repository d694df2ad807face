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

/** Memory that the host accounts to an effect instance. */
typedef struct OfxMemorySuiteV1 {
    OfxStatus (*memoryAlloc)(void *handle, size_t nBytes, void **allocatedData);
    OfxStatus (*memoryFree)(void *allocatedData);
} OfxMemorySuiteV1;

#define kOfxMultiThreadSuite "OfxMultiThreadSuite"

#ifndef OPENFX_SYS_SHARED_TYPES
/** A recursive lock of the host. Some hosts hand out NULL here and mean it. */
typedef struct OfxMutex *OfxMutexHandle;

/** The work of one of `threadMax` threads. */
typedef void(OfxThreadFunctionV1)(unsigned int threadIndex, unsigned int threadMax, void *customArg);
#endif

/** The host's threads and locks. */
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

/** Telling the user something, in the manner of printf. */
typedef struct OfxMessageSuiteV1 {
    OfxStatus (*message)(void *handle, const char *messageType, const char *messageId, const char *format, ...);
} OfxMessageSuiteV1;

/** As version 1, and a message that stays on the effect until it is cleared. */
typedef struct OfxMessageSuiteV2 {
    OfxStatus (*message)(void *handle, const char *messageType, const char *messageId, const char *format, ...);
    OfxStatus (*setPersistentMessage)(void *handle, const char *messageType, const char *messageId,
                                      const char *format, ...);
    OfxStatus (*clearPersistentMessage)(void *handle);
} OfxMessageSuiteV2;

#define kOfxProgressSuite "OfxProgressSuite"

/** A progress bar with a way out. */
typedef struct OfxProgressSuiteV1 {
    OfxStatus (*progressStart)(void *effectInstance, const char *label);
    OfxStatus (*progressUpdate)(void *effectInstance, double progress);
    OfxStatus (*progressEnd)(void *effectInstance);
} OfxProgressSuiteV1;

/** As version 1; the text has an identifier, by which a host may translate or remember it. */
typedef struct OfxProgressSuiteV2 {
    OfxStatus (*progressStart)(void *effectInstance, const char *message, const char *messageid);
    OfxStatus (*progressUpdate)(void *effectInstance, double progress);
    OfxStatus (*progressEnd)(void *effectInstance);
} OfxProgressSuiteV2;

#define kOfxTimeLineSuite "OfxTimeLineSuite"

/** Where the play head is, and how far it can go. */
typedef struct OfxTimeLineSuiteV1 {
    OfxStatus (*getTime)(void *instance, double *time);
    OfxStatus (*gotoTime)(void *instance, double time);
    OfxStatus (*getTimeBounds)(void *instance, double *firstTime, double *lastTime);
} OfxTimeLineSuiteV1;

#ifdef __cplusplus
}
#endif

#endif
