/*
 * OpenFX 1.5, core: the plug-in and host records, status codes, the actions that
 * every plug-in knows and the properties that are not tied to one suite.
 *
 * Written for this project from the published interface. Names, types, member
 * order and values are the interface itself; the words around them are ours.
 */
#ifndef OPENFX_SYS_CORE_H
#define OPENFX_SYS_CORE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The layout check compiles this file together with another declaration of the
 * same interface. Types that appear in function signatures must then be shared, so that
 * the signatures can be compared; it defines OPENFX_SYS_SHARED_TYPES for that. */
#ifndef OPENFX_SYS_SHARED_TYPES

/** A property set: typed, indexed values, owned by the host. */
typedef struct OfxPropertySetStruct *OfxPropertySetHandle;

/** Status that a suite function or an action returns: one of the `kOfxStat...` values. */
typedef int OfxStatus;

/** A time in frames. It may be fractional. */
typedef double OfxTime;

/** A range of integers, both ends included. */
typedef struct OfxRangeI {
    int min, max;
} OfxRangeI;

/** A range of floating-point numbers, both ends included. */
typedef struct OfxRangeD {
    double min, max;
} OfxRangeD;

/** A position in pixels, y upwards. */
typedef struct OfxPointI {
    int x, y;
} OfxPointI;

/** A position in canonical coordinates. */
typedef struct OfxPointD {
    double x, y;
} OfxPointD;

/** A rectangle in pixels, half-open: `x2` and `y2` are outside. */
typedef struct OfxRectI {
    int x1, y1, x2, y2;
} OfxRectI;

/** A rectangle in canonical coordinates, half-open like `OfxRectI`. */
typedef struct OfxRectD {
    double x1, y1, x2, y2;
} OfxRectD;

/** The host record passed to `setHost`: the host's properties, and the function that returns its suites. */
typedef struct OfxHost {
    OfxPropertySetHandle host;
    const void *(*fetchSuite)(OfxPropertySetHandle host, const char *suiteName, int suiteVersion);
} OfxHost;

#endif /* OPENFX_SYS_SHARED_TYPES */

/** The entry point of a plug-in, called for every action. */
typedef OfxStatus(OfxPluginEntryPoint)(const char *action, const void *handle,
                                       OfxPropertySetHandle inArgs, OfxPropertySetHandle outArgs);

/** The record of a plug-in in a binary. It is valid as long as the binary stays loaded. */
typedef struct OfxPlugin {
    const char *pluginApi;
    int apiVersion;
    const char *pluginIdentifier;
    unsigned int pluginVersionMajor;
    unsigned int pluginVersionMinor;
    void (*setHost)(OfxHost *host);
    OfxPluginEntryPoint *mainEntry;
} OfxPlugin;

/* Status codes. */
#define kOfxStatOK                    0
#define kOfxStatFailed                1
#define kOfxStatErrFatal              2
#define kOfxStatErrUnknown            3
#define kOfxStatErrMissingHostFeature 4
#define kOfxStatErrUnsupported        5
#define kOfxStatErrExists             6
#define kOfxStatErrFormat             7
#define kOfxStatErrMemory             8
#define kOfxStatErrBadHandle          9
#define kOfxStatErrBadIndex           10
#define kOfxStatErrValue              11
#define kOfxStatReplyYes              12
#define kOfxStatReplyNo               13
#define kOfxStatReplyDefault          14
#define kOfxStatUnlicensed            15

/* Actions, in about the order of a plug-in's life. */
#define kOfxActionLoad                 "OfxActionLoad"
#define kOfxActionDescribe             "OfxActionDescribe"
#define kOfxActionUnload               "OfxActionUnload"
#define kOfxActionPurgeCaches          "OfxActionPurgeCaches"
#define kOfxActionSyncPrivateData      "OfxActionSyncPrivateData"
#define kOfxActionCreateInstance       "OfxActionCreateInstance"
#define kOfxActionDestroyInstance      "OfxActionDestroyInstance"
#define kOfxActionInstanceChanged      "OfxActionInstanceChanged"
#define kOfxActionBeginInstanceChanged "OfxActionBeginInstanceChanged"
#define kOfxActionEndInstanceChanged   "OfxActionEndInstanceChanged"
#define kOfxActionBeginInstanceEdit    "OfxActionBeginInstanceEdit"
#define kOfxActionEndInstanceEdit      "OfxActionEndInstanceEdit"

/* Properties of several kinds of object. */
#define kOfxPropAPIVersion        "OfxPropAPIVersion"
#define kOfxPropTime              "OfxPropTime"
#define kOfxPropIsInteractive     "OfxPropIsInteractive"
#define kOfxPluginPropFilePath    "OfxPluginPropFilePath"
#define kOfxPropInstanceData      "OfxPropInstanceData"
#define kOfxPropType              "OfxPropType"
#define kOfxPropName              "OfxPropName"
#define kOfxPropVersion           "OfxPropVersion"
#define kOfxPropVersionLabel      "OfxPropVersionLabel"
#define kOfxPropPluginDescription "OfxPropPluginDescription"
#define kOfxPropLabel             "OfxPropLabel"
#define kOfxPropIcon              "OfxPropIcon"
#define kOfxPropShortLabel        "OfxPropShortLabel"
#define kOfxPropLongLabel         "OfxPropLongLabel"
#define kOfxPropChangeReason      "OfxPropChangeReason"
#define kOfxPropEffectInstance    "OfxPropEffectInstance"
#define kOfxPropHostOSHandle      "OfxPropHostOSHandle"

/* Values of kOfxPropChangeReason. */
#define kOfxChangeUserEdited   "OfxChangeUserEdited"
#define kOfxChangePluginEdited "OfxChangePluginEdited"
#define kOfxChangeTime         "OfxChangeTime"

/* Pixel depths. */
#define kOfxBitDepthNone  "OfxBitDepthNone"
#define kOfxBitDepthByte  "OfxBitDepthByte"
#define kOfxBitDepthShort "OfxBitDepthShort"
#define kOfxBitDepthHalf  "OfxBitDepthHalf"
#define kOfxBitDepthFloat "OfxBitDepthFloat"

/* Bounds of an infinite range. */
#define kOfxFlagInfiniteMax 2147483647
#define kOfxFlagInfiniteMin (-2147483647 - 1)

#ifdef __cplusplus
}
#endif

#endif
