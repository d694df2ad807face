/*
 * OpenFX 1.5: parameters - their types and properties, the parameter suite and the
 * suite for parametric curves. Written for this project; see openfx_core.h.
 */
#ifndef OPENFX_SYS_PARAM_H
#define OPENFX_SYS_PARAM_H

#include "openfx_property.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef OPENFX_SYS_SHARED_TYPES
/** One parameter of an instance. */
typedef struct OfxParamStruct *OfxParamHandle;

/** The parameters of a descriptor or of an instance. */
typedef struct OfxParamSetStruct *OfxParamSetHandle;
#endif

/* Values of kOfxPropType of a descriptor and an instance. */
#define kOfxTypeParameter         "OfxTypeParameter"
#define kOfxTypeParameterInstance "OfxTypeParameterInstance"

/* Types. Bytes and StrChoice are new in 1.5: check the host's version first, some hosts crash on them. */
#define kOfxParamTypeInteger    "OfxParamTypeInteger"
#define kOfxParamTypeDouble     "OfxParamTypeDouble"
#define kOfxParamTypeBoolean    "OfxParamTypeBoolean"
#define kOfxParamTypeChoice     "OfxParamTypeChoice"
#define kOfxParamTypeStrChoice  "OfxParamTypeStrChoice"
#define kOfxParamTypeRGBA       "OfxParamTypeRGBA"
#define kOfxParamTypeRGB        "OfxParamTypeRGB"
#define kOfxParamTypeDouble2D   "OfxParamTypeDouble2D"
#define kOfxParamTypeInteger2D  "OfxParamTypeInteger2D"
#define kOfxParamTypeDouble3D   "OfxParamTypeDouble3D"
#define kOfxParamTypeInteger3D  "OfxParamTypeInteger3D"
#define kOfxParamTypeString     "OfxParamTypeString"
#define kOfxParamTypeCustom     "OfxParamTypeCustom"
#define kOfxParamTypeBytes      "OfxParamTypeBytes"
#define kOfxParamTypeGroup      "OfxParamTypeGroup"
#define kOfxParamTypePage       "OfxParamTypePage"
#define kOfxParamTypePushButton "OfxParamTypePushButton"
#define kOfxParamTypeParametric "OfxParamTypeParametric"

/** The value of a Bytes parameter. */
typedef struct OfxBytes {
    const unsigned char *data;
    size_t length;
} OfxBytes;

/* Capabilities of the host. */
#define kOfxParamHostPropSupportsCustomAnimation     "OfxParamHostPropSupportsCustomAnimation"
#define kOfxParamHostPropSupportsStringAnimation     "OfxParamHostPropSupportsStringAnimation"
#define kOfxParamHostPropSupportsBooleanAnimation    "OfxParamHostPropSupportsBooleanAnimation"
#define kOfxParamHostPropSupportsChoiceAnimation     "OfxParamHostPropSupportsChoiceAnimation"
#define kOfxParamHostPropSupportsStrChoiceAnimation  "OfxParamHostPropSupportsStrChoiceAnimation"
#define kOfxParamHostPropSupportsStrChoice           "OfxParamHostPropSupportsStrChoice"
#define kOfxParamHostPropSupportsCustomInteract      "OfxParamHostPropSupportsCustomInteract"
#define kOfxParamHostPropSupportsParametricAnimation "OfxParamHostPropSupportsParametricAnimation"
#define kOfxParamHostPropMaxParameters               "OfxParamHostPropMaxParameters"
#define kOfxParamHostPropMaxPages                    "OfxParamHostPropMaxPages"
#define kOfxParamHostPropPageRowColumnCount          "OfxParamHostPropPageRowColumnCount"

/* Properties of all types. */
#define kOfxParamPropType             "OfxParamPropType"
#define kOfxParamPropAnimates         "OfxParamPropAnimates"
#define kOfxParamPropIsAnimating      "OfxParamPropIsAnimating"
#define kOfxParamPropIsAutoKeying     "OfxParamPropIsAutoKeying"
#define kOfxParamPropCanUndo          "OfxParamPropCanUndo"
#define kOfxParamPropPluginMayWrite   "OfxParamPropPluginMayWrite"
#define kOfxParamPropPersistant       "OfxParamPropPersistant"
#define kOfxParamPropEvaluateOnChange "OfxParamPropEvaluateOnChange"
#define kOfxParamPropSecret           "OfxParamPropSecret"
#define kOfxParamPropEnabled          "OfxParamPropEnabled"
#define kOfxParamPropScriptName       "OfxParamPropScriptName"
#define kOfxParamPropHint             "OfxParamPropHint"
#define kOfxParamPropDefault          "OfxParamPropDefault"
#define kOfxParamPropParent           "OfxParamPropParent"
#define kOfxParamPropDataPtr          "OfxParamPropDataPtr"
#define kOfxPropParamSetNeedsSyncing  "OfxPropParamSetNeedsSyncing"

/* Which frames a change invalidates. */
#define kOfxParamPropCacheInvalidation      "OfxParamPropCacheInvalidation"
#define kOfxParamInvalidateValueChange      "OfxParamInvalidateValueChange"
#define kOfxParamInvalidateValueChangeToEnd "OfxParamInvalidateValueChangeToEnd"
#define kOfxParamInvalidateAll              "OfxParamInvalidateAll"

/* Numbers. */
#define kOfxParamPropMin            "OfxParamPropMin"
#define kOfxParamPropMax            "OfxParamPropMax"
#define kOfxParamPropDisplayMin     "OfxParamPropDisplayMin"
#define kOfxParamPropDisplayMax     "OfxParamPropDisplayMax"
#define kOfxParamPropIncrement      "OfxParamPropIncrement"
#define kOfxParamPropDigits         "OfxParamPropDigits"
#define kOfxParamPropDimensionLabel "OfxParamPropDimensionLabel"
#define kOfxParamPropShowTimeMarker "OfxParamPropShowTimeMarker"

/* Quantity of a double parameter. */
#define kOfxParamPropDoubleType              "OfxParamPropDoubleType"
#define kOfxParamDoubleTypePlain             "OfxParamDoubleTypePlain"
#define kOfxParamDoubleTypeScale             "OfxParamDoubleTypeScale"
#define kOfxParamDoubleTypeAngle             "OfxParamDoubleTypeAngle"
#define kOfxParamDoubleTypeTime              "OfxParamDoubleTypeTime"
#define kOfxParamDoubleTypeAbsoluteTime      "OfxParamDoubleTypeAbsoluteTime"
#define kOfxParamDoubleTypeX                 "OfxParamDoubleTypeX"
#define kOfxParamDoubleTypeY                 "OfxParamDoubleTypeY"
#define kOfxParamDoubleTypeXAbsolute         "OfxParamDoubleTypeXAbsolute"
#define kOfxParamDoubleTypeYAbsolute         "OfxParamDoubleTypeYAbsolute"
#define kOfxParamDoubleTypeXY                "OfxParamDoubleTypeXY"
#define kOfxParamDoubleTypeXYAbsolute        "OfxParamDoubleTypeXYAbsolute"
#define kOfxParamPropDefaultCoordinateSystem "OfxParamPropDefaultCoordinateSystem"
#define kOfxParamCoordinatesCanonical        "OfxParamCoordinatesCanonical"
#define kOfxParamCoordinatesNormalised       "OfxParamCoordinatesNormalised"
#define kOfxParamPropHasHostOverlayHandle    "OfxParamPropHasHostOverlayHandle"
#define kOfxParamPropUseHostOverlayHandle    "kOfxParamPropUseHostOverlayHandle"

/* Interpolation between keys. */
#define kOfxParamInterpType             "OfxParamInterpType"
#define kOfxParamInterpTypeConstantStep "OfxParamInterpTypeConstantStep"
#define kOfxParamInterpTypeLinear       "OfxParamInterpTypeLinear"
#define kOfxParamInterpTypeSmooth       "OfxParamInterpTypeSmooth"

/* Choices. */
#define kOfxParamPropChoiceOption "OfxParamPropChoiceOption"
#define kOfxParamPropChoiceOrder  "OfxParamPropChoiceOrder"
#define kOfxParamPropChoiceEnum   "OfxParamPropChoiceEnum"

/* Strings. */
#define kOfxParamPropStringMode           "OfxParamPropStringMode"
#define kOfxParamStringIsSingleLine       "OfxParamStringIsSingleLine"
#define kOfxParamStringIsMultiLine        "OfxParamStringIsMultiLine"
#define kOfxParamStringIsFilePath         "OfxParamStringIsFilePath"
#define kOfxParamStringIsDirectoryPath    "OfxParamStringIsDirectoryPath"
#define kOfxParamStringIsLabel            "OfxParamStringIsLabel"
#define kOfxParamStringIsRichTextFormat   "OfxParamStringIsRichTextFormat"
#define kOfxParamPropStringFilePathExists "OfxParamPropStringFilePathExists"

/* Groups and pages. */
#define kOfxParamPropGroupOpen       "OfxParamPropGroupOpen"
#define kOfxParamPropPageChild       "OfxParamPropPageChild"
#define kOfxPluginPropParamPageOrder "OfxPluginPropParamPageOrder"
#define kOfxParamPageSkipRow         "OfxParamPageSkipRow"
#define kOfxParamPageSkipColumn      "OfxParamPageSkipColumn"

/* Custom parameters, and interacts that can replace a parameter's widget. */
#define kOfxParamPropCustomInterpCallbackV1 "OfxParamPropCustomCallbackV1"
#define kOfxParamPropCustomValue            "OfxParamPropCustomValue"
#define kOfxParamPropInterpolationTime      "OfxParamPropInterpolationTime"
#define kOfxParamPropInterpolationAmount    "OfxParamPropInterpolationAmount"
#define kOfxParamPropInteractV1             "OfxParamPropInteractV1"
#define kOfxParamPropInteractSize           "OfxParamPropInteractSize"
#define kOfxParamPropInteractSizeAspect     "OfxParamPropInteractSizeAspect"
#define kOfxParamPropInteractMinimumSize    "OfxParamPropInteractMinimumSize"
#define kOfxParamPropInteractPreferedSize   "OfxParamPropInteractPreferedSize"

/* Curves. */
#define kOfxParamPropParametricDimension          "OfxParamPropParametricDimension"
#define kOfxParamPropParametricUIColour           "OfxParamPropParametricUIColour"
#define kOfxParamPropParametricInteractBackground "OfxParamPropParametricInteractBackground"
#define kOfxParamPropParametricRange              "OfxParamPropParametricRange"

/** Interpolates a custom parameter between two of its keys. */
typedef OfxStatus(OfxCustomParamInterpFuncV1)(OfxParamSetHandle instance, OfxPropertySetHandle inArgs,
                                              OfxPropertySetHandle outArgs);

#define kOfxParameterSuite "OfxParameterSuite"

/** The parameter suite: defines parameters, reads and writes their values and keys. The `...` is one pointer (get) or one value (set) for each dimension. */
typedef struct OfxParameterSuiteV1 {
    OfxStatus (*paramDefine)(OfxParamSetHandle paramSet, const char *paramType, const char *name,
                             OfxPropertySetHandle *propertySet);
    OfxStatus (*paramGetHandle)(OfxParamSetHandle paramSet, const char *name, OfxParamHandle *param,
                                OfxPropertySetHandle *propertySet);
    OfxStatus (*paramSetGetPropertySet)(OfxParamSetHandle paramSet, OfxPropertySetHandle *propHandle);
    OfxStatus (*paramGetPropertySet)(OfxParamHandle param, OfxPropertySetHandle *propHandle);
    OfxStatus (*paramGetValue)(OfxParamHandle paramHandle, ...);
    OfxStatus (*paramGetValueAtTime)(OfxParamHandle paramHandle, OfxTime time, ...);
    OfxStatus (*paramGetDerivative)(OfxParamHandle paramHandle, OfxTime time, ...);
    OfxStatus (*paramGetIntegral)(OfxParamHandle paramHandle, OfxTime time1, OfxTime time2, ...);
    OfxStatus (*paramSetValue)(OfxParamHandle paramHandle, ...);
    OfxStatus (*paramSetValueAtTime)(OfxParamHandle paramHandle, OfxTime time, ...);
    OfxStatus (*paramGetNumKeys)(OfxParamHandle paramHandle, unsigned int *numberOfKeys);
    OfxStatus (*paramGetKeyTime)(OfxParamHandle paramHandle, unsigned int nthKey, OfxTime *time);
    OfxStatus (*paramGetKeyIndex)(OfxParamHandle paramHandle, OfxTime time, int direction, int *index);
    OfxStatus (*paramDeleteKey)(OfxParamHandle paramHandle, OfxTime time);
    OfxStatus (*paramDeleteAllKeys)(OfxParamHandle paramHandle);
    OfxStatus (*paramCopy)(OfxParamHandle paramTo, OfxParamHandle paramFrom, OfxTime dstOffset,
                           const OfxRangeD *frameRange);
    OfxStatus (*paramEditBegin)(OfxParamSetHandle paramSet, const char *name);
    OfxStatus (*paramEditEnd)(OfxParamSetHandle paramSet);
} OfxParameterSuiteV1;

#define kOfxParametricParameterSuite "OfxParametricParameterSuite"

/** The parametric parameter suite: curves as parameters. */
typedef struct OfxParametricParameterSuiteV1 {
    OfxStatus (*parametricParamGetValue)(OfxParamHandle param, int curveIndex, OfxTime time,
                                         double parametricPosition, double *returnValue);
    OfxStatus (*parametricParamGetNControlPoints)(OfxParamHandle param, int curveIndex, double time,
                                                  int *returnValue);
    OfxStatus (*parametricParamGetNthControlPoint)(OfxParamHandle param, int curveIndex, double time, int nthCtl,
                                                   double *key, double *value);
    OfxStatus (*parametricParamSetNthControlPoint)(OfxParamHandle param, int curveIndex, double time, int nthCtl,
                                                   double key, double value, bool addAnimationKey);
    OfxStatus (*parametricParamAddControlPoint)(OfxParamHandle param, int curveIndex, double time, double key,
                                                double value, bool addAnimationKey);
    OfxStatus (*parametricParamDeleteControlPoint)(OfxParamHandle param, int curveIndex, int nthCtl);
    OfxStatus (*parametricParamDeleteAllControlPoints)(OfxParamHandle param, int curveIndex);
} OfxParametricParameterSuiteV1;

#ifdef __cplusplus
}
#endif

#endif
