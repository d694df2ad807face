/*
 * OpenFX 1.5: the image effect API - contexts, actions, the properties of hosts,
 * effects, clips and images, and the suite. Written for this project; see openfx_core.h.
 */
#ifndef OPENFX_SYS_IMAGE_EFFECT_H
#define OPENFX_SYS_IMAGE_EFFECT_H

#include "openfx_param.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef OPENFX_SYS_SHARED_TYPES
/** An effect: a descriptor or an instance. */
typedef struct OfxImageEffectStruct *OfxImageEffectHandle;

/** An input or the output of an instance. */
typedef struct OfxImageClipStruct *OfxImageClipHandle;

/** A block of memory for images, allocated by the host. */
typedef struct OfxImageMemoryStruct *OfxImageMemoryHandle;
#endif

/* OfxPlugin::pluginApi and apiVersion. */
#define kOfxImageEffectPluginApi        "OfxImageEffectPluginAPI"
#define kOfxImageEffectPluginApiVersion 1

/* Values of kOfxPropType. */
#define kOfxTypeImageEffectHost     "OfxTypeImageEffectHost"
#define kOfxTypeImageEffect         "OfxTypeImageEffect"
#define kOfxTypeImageEffectInstance "OfxTypeImageEffectInstance"
#define kOfxTypeClip                "OfxTypeClip"
#define kOfxTypeImage               "OfxTypeImage"

/* Contexts: the role in which an effect is used. */
#define kOfxImageEffectContextGenerator  "OfxImageEffectContextGenerator"
#define kOfxImageEffectContextFilter     "OfxImageEffectContextFilter"
#define kOfxImageEffectContextTransition "OfxImageEffectContextTransition"
#define kOfxImageEffectContextPaint      "OfxImageEffectContextPaint"
#define kOfxImageEffectContextGeneral    "OfxImageEffectContextGeneral"
#define kOfxImageEffectContextRetimer    "OfxImageEffectContextRetimer"

/* Actions. */
#define kOfxImageEffectActionDescribeInContext     "OfxImageEffectActionDescribeInContext"
#define kOfxImageEffectActionGetRegionOfDefinition "OfxImageEffectActionGetRegionOfDefinition"
#define kOfxImageEffectActionGetRegionsOfInterest  "OfxImageEffectActionGetRegionsOfInterest"
#define kOfxImageEffectActionGetTimeDomain         "OfxImageEffectActionGetTimeDomain"
#define kOfxImageEffectActionGetFramesNeeded       "OfxImageEffectActionGetFramesNeeded"
#define kOfxImageEffectActionGetClipPreferences    "OfxImageEffectActionGetClipPreferences"
#define kOfxImageEffectActionIsIdentity            "OfxImageEffectActionIsIdentity"
#define kOfxImageEffectActionRender                "OfxImageEffectActionRender"
#define kOfxImageEffectActionBeginSequenceRender   "OfxImageEffectActionBeginSequenceRender"
#define kOfxImageEffectActionEndSequenceRender     "OfxImageEffectActionEndSequenceRender"

/* Clips and parameters whose names a context prescribes. */
#define kOfxImageEffectOutputClipName               "Output"
#define kOfxImageEffectSimpleSourceClipName         "Source"
#define kOfxImageEffectTransitionSourceFromClipName "SourceFrom"
#define kOfxImageEffectTransitionSourceToClipName   "SourceTo"
#define kOfxImageEffectTransitionParamName          "Transition"
#define kOfxImageEffectRetimerParamName             "SourceTime"

/* Component layouts. */
#define kOfxImageComponentNone  "OfxImageComponentNone"
#define kOfxImageComponentRGBA  "OfxImageComponentRGBA"
#define kOfxImageComponentRGB   "OfxImageComponentRGB"
#define kOfxImageComponentAlpha "OfxImageComponentAlpha"

/* Alpha: kOfxImageEffectPropPreMultiplication and its values. */
#define kOfxImageEffectPropPreMultiplication "OfxImageEffectPropPreMultiplication"
#define kOfxImageOpaque                      "OfxImageOpaque"
#define kOfxImagePreMultiplied               "OfxImageAlphaPremultiplied"
#define kOfxImageUnPreMultiplied             "OfxImageAlphaUnPremultiplied"

/* Properties of the host. */
#define kOfxImageEffectHostPropIsBackground "OfxImageEffectHostPropIsBackground"
#define kOfxImageEffectHostPropNativeOrigin "OfxImageEffectHostPropNativeOrigin"
#define kOfxHostNativeOriginBottomLeft      "kOfxImageEffectHostPropNativeOriginBottomLeft"
#define kOfxHostNativeOriginTopLeft         "kOfxImageEffectHostPropNativeOriginTopLeft"
#define kOfxHostNativeOriginCenter          "kOfxImageEffectHostPropNativeOriginCenter"

/* Capabilities of the host and of the effect. */
#define kOfxImageEffectPropSupportedContexts          "OfxImageEffectPropSupportedContexts"
#define kOfxImageEffectPropSupportedPixelDepths       "OfxImageEffectPropSupportedPixelDepths"
#define kOfxImageEffectPropSupportedComponents        "OfxImageEffectPropSupportedComponents"
#define kOfxImageEffectPropSupportsMultipleClipDepths "OfxImageEffectPropMultipleClipDepths"
#define kOfxImageEffectPropSupportsMultipleClipPARs   "OfxImageEffectPropSupportsMultipleClipPARs"
#define kOfxImageEffectPropSetableFrameRate           "OfxImageEffectPropSetableFrameRate"
#define kOfxImageEffectPropSetableFielding            "OfxImageEffectPropSetableFielding"
#define kOfxImageEffectPropSupportsOverlays           "OfxImageEffectPropSupportsOverlays"
#define kOfxImageEffectPropSupportsMultiResolution    "OfxImageEffectPropSupportsMultiResolution"
#define kOfxImageEffectPropSupportsTiles              "OfxImageEffectPropSupportsTiles"
#define kOfxImageEffectPropTemporalClipAccess         "OfxImageEffectPropTemporalClipAccess"

/* Properties of the effect's descriptor. */
#define kOfxImageEffectPluginPropGrouping               "OfxImageEffectPluginPropGrouping"
#define kOfxImageEffectPluginPropObsolete               "OfxImageEffectPluginPropObsolete"
#define kOfxImageEffectPluginPropSingleInstance         "OfxImageEffectPluginPropSingleInstance"
#define kOfxImageEffectPluginRenderThreadSafety         "OfxImageEffectPluginRenderThreadSafety"
#define kOfxImageEffectRenderUnsafe                     "OfxImageEffectRenderUnsafe"
#define kOfxImageEffectRenderInstanceSafe               "OfxImageEffectRenderInstanceSafe"
#define kOfxImageEffectRenderFullySafe                  "OfxImageEffectRenderFullySafe"
#define kOfxImageEffectPluginPropHostFrameThreading     "OfxImageEffectPluginPropHostFrameThreading"
#define kOfxImageEffectPluginPropFieldRenderTwiceAlways "OfxImageEffectPluginPropFieldRenderTwiceAlways"
#define kOfxImageEffectPropClipPreferencesSlaveParam    "OfxImageEffectPropClipPreferencesSlaveParam"
#define kOfxImageEffectPluginPropOverlayInteractV1      "OfxImageEffectPluginPropOverlayInteractV1"
#define kOfxImageEffectPluginPropOverlayInteractV2      "OfxImageEffectPluginPropOverlayInteractV2"
#define kOfxImageEffectInstancePropSequentialRender     "OfxImageEffectInstancePropSequentialRender"
#define kOfxImageEffectPropNoSpatialAwareness           "OfxImageEffectPropNoSpatialAwareness"

/* Properties of an instance. */
#define kOfxImageEffectPropContext                 "OfxImageEffectPropContext"
#define kOfxImageEffectPropPluginHandle            "OfxImageEffectPropPluginHandle"
#define kOfxImageEffectInstancePropEffectDuration  "OfxImageEffectInstancePropEffectDuration"
#define kOfxImageEffectPropProjectExtent           "OfxImageEffectPropProjectExtent"
#define kOfxImageEffectPropProjectSize             "OfxImageEffectPropProjectSize"
#define kOfxImageEffectPropProjectOffset           "OfxImageEffectPropProjectOffset"
#define kOfxImageEffectPropProjectPixelAspectRatio "OfxImageEffectPropPixelAspectRatio"
#define kOfxImageEffectPropFrameRate               "OfxImageEffectPropFrameRate"

/* Licensing. */
#define kOfxImageEffectPropBehaviourWhenUnlicensed "OfxImageEffectPropBehaviourWhenUnlicensed"
#define kOfxUnlicensedContinue                     "OfxUnlicensedContinue"
#define kOfxUnlicensedFail                         "OfxUnlicensedFail"

/* Properties of a clip. */
#define kOfxImageClipPropConnected            "OfxImageClipPropConnected"
#define kOfxImageClipPropOptional             "OfxImageClipPropOptional"
#define kOfxImageClipPropIsMask               "OfxImageClipPropIsMask"
#define kOfxImageClipPropContinuousSamples    "OfxImageClipPropContinuousSamples"
#define kOfxImageClipPropUnmappedPixelDepth   "OfxImageClipPropUnmappedPixelDepth"
#define kOfxImageClipPropUnmappedComponents   "OfxImageClipPropUnmappedComponents"
#define kOfxImageClipPropFieldOrder           "OfxImageClipPropFieldOrder"
#define kOfxImageClipPropFieldExtraction      "OfxImageClipPropFieldExtraction"
#define kOfxImageEffectPropFrameRange         "OfxImageEffectPropFrameRange"
#define kOfxImageEffectPropUnmappedFrameRange "OfxImageEffectPropUnmappedFrameRange"
#define kOfxImageEffectPropUnmappedFrameRate  "OfxImageEffectPropUnmappedFrameRate"

/* Properties of an image. */
#define kOfxImagePropData               "OfxImagePropData"
#define kOfxImagePropBounds             "OfxImagePropBounds"
#define kOfxImagePropRegionOfDefinition "OfxImagePropRegionOfDefinition"
#define kOfxImagePropRowBytes           "OfxImagePropRowBytes"
#define kOfxImagePropField              "OfxImagePropField"
#define kOfxImagePropUniqueIdentifier   "OfxImagePropUniqueIdentifier"
#define kOfxImagePropPixelAspectRatio   "OfxImagePropPixelAspectRatio"
#define kOfxImageEffectPropPixelDepth   "OfxImageEffectPropPixelDepth"
#define kOfxImageEffectPropComponents   "OfxImageEffectPropComponents"
#define kOfxImageEffectPropRenderScale  "OfxImageEffectPropRenderScale"

/* Arguments of actions. */
#define kOfxImageEffectPropFrameStep               "OfxImageEffectPropFrameStep"
#define kOfxImageEffectFrameVarying                "OfxImageEffectFrameVarying"
#define kOfxImageEffectPropFieldToRender           "OfxImageEffectPropFieldToRender"
#define kOfxImageEffectPropRegionOfDefinition      "OfxImageEffectPropRegionOfDefinition"
#define kOfxImageEffectPropRegionOfInterest        "OfxImageEffectPropRegionOfInterest"
#define kOfxImageEffectPropRenderWindow            "OfxImageEffectPropRenderWindow"
#define kOfxImageEffectPropRenderQualityDraft      "OfxImageEffectPropRenderQualityDraft"
#define kOfxImageEffectPropThumbnailRender         "OfxImageEffectPropThumbnailRender"
#define kOfxImageEffectPropSequentialRenderStatus  "OfxImageEffectPropSequentialRenderStatus"
#define kOfxImageEffectPropInteractiveRenderStatus "OfxImageEffectPropInteractiveRenderStatus"

/* Fields. */
#define kOfxImageFieldNone    "OfxFieldNone"
#define kOfxImageFieldLower   "OfxFieldLower"
#define kOfxImageFieldUpper   "OfxFieldUpper"
#define kOfxImageFieldBoth    "OfxFieldBoth"
#define kOfxImageFieldSingle  "OfxFieldSingle"
#define kOfxImageFieldDoubled "OfxFieldDoubled"

/* Status: an image has a format that the effect does not support. */
#define kOfxStatErrImageFormat 1000

#define kOfxImageEffectSuite "OfxImageEffectSuite"

/** The image effect suite: descriptors, instances, clips and images. */
typedef struct OfxImageEffectSuiteV1 {
    OfxStatus (*getPropertySet)(OfxImageEffectHandle imageEffect, OfxPropertySetHandle *propHandle);
    OfxStatus (*getParamSet)(OfxImageEffectHandle imageEffect, OfxParamSetHandle *paramSet);
    OfxStatus (*clipDefine)(OfxImageEffectHandle imageEffect, const char *name, OfxPropertySetHandle *propertySet);
    OfxStatus (*clipGetHandle)(OfxImageEffectHandle imageEffect, const char *name, OfxImageClipHandle *clip,
                               OfxPropertySetHandle *propertySet);
    OfxStatus (*clipGetPropertySet)(OfxImageClipHandle clip, OfxPropertySetHandle *propHandle);
    OfxStatus (*clipGetImage)(OfxImageClipHandle clip, OfxTime time, const OfxRectD *region,
                              OfxPropertySetHandle *imageHandle);
    OfxStatus (*clipReleaseImage)(OfxPropertySetHandle imageHandle);
    OfxStatus (*clipGetRegionOfDefinition)(OfxImageClipHandle clip, OfxTime time, OfxRectD *bounds);
    int (*abort)(OfxImageEffectHandle imageEffect);
    OfxStatus (*imageMemoryAlloc)(OfxImageEffectHandle instanceHandle, size_t nBytes,
                                  OfxImageMemoryHandle *memoryHandle);
    OfxStatus (*imageMemoryFree)(OfxImageMemoryHandle memoryHandle);
    OfxStatus (*imageMemoryLock)(OfxImageMemoryHandle memoryHandle, void **returnedPtr);
    OfxStatus (*imageMemoryUnlock)(OfxImageMemoryHandle memoryHandle);
} OfxImageEffectSuiteV1;

#ifdef __cplusplus
}
#endif

#endif
