// Generated from include/*.h by the feature `bindgen`. Do not edit: `cargo xtask bindings` does.

pub const kOfxStatOK: i32 = 0;
pub const kOfxStatFailed: i32 = 1;
pub const kOfxStatErrFatal: i32 = 2;
pub const kOfxStatErrUnknown: i32 = 3;
pub const kOfxStatErrMissingHostFeature: i32 = 4;
pub const kOfxStatErrUnsupported: i32 = 5;
pub const kOfxStatErrExists: i32 = 6;
pub const kOfxStatErrFormat: i32 = 7;
pub const kOfxStatErrMemory: i32 = 8;
pub const kOfxStatErrBadHandle: i32 = 9;
pub const kOfxStatErrBadIndex: i32 = 10;
pub const kOfxStatErrValue: i32 = 11;
pub const kOfxStatReplyYes: i32 = 12;
pub const kOfxStatReplyNo: i32 = 13;
pub const kOfxStatReplyDefault: i32 = 14;
pub const kOfxStatUnlicensed: i32 = 15;
pub const kOfxActionLoad: &::core::ffi::CStr = c"OfxActionLoad";
pub const kOfxActionDescribe: &::core::ffi::CStr = c"OfxActionDescribe";
pub const kOfxActionUnload: &::core::ffi::CStr = c"OfxActionUnload";
pub const kOfxActionPurgeCaches: &::core::ffi::CStr = c"OfxActionPurgeCaches";
pub const kOfxActionSyncPrivateData: &::core::ffi::CStr = c"OfxActionSyncPrivateData";
pub const kOfxActionCreateInstance: &::core::ffi::CStr = c"OfxActionCreateInstance";
pub const kOfxActionDestroyInstance: &::core::ffi::CStr = c"OfxActionDestroyInstance";
pub const kOfxActionInstanceChanged: &::core::ffi::CStr = c"OfxActionInstanceChanged";
pub const kOfxActionBeginInstanceChanged: &::core::ffi::CStr = c"OfxActionBeginInstanceChanged";
pub const kOfxActionEndInstanceChanged: &::core::ffi::CStr = c"OfxActionEndInstanceChanged";
pub const kOfxActionBeginInstanceEdit: &::core::ffi::CStr = c"OfxActionBeginInstanceEdit";
pub const kOfxActionEndInstanceEdit: &::core::ffi::CStr = c"OfxActionEndInstanceEdit";
pub const kOfxPropAPIVersion: &::core::ffi::CStr = c"OfxPropAPIVersion";
pub const kOfxPropTime: &::core::ffi::CStr = c"OfxPropTime";
pub const kOfxPropIsInteractive: &::core::ffi::CStr = c"OfxPropIsInteractive";
pub const kOfxPluginPropFilePath: &::core::ffi::CStr = c"OfxPluginPropFilePath";
pub const kOfxPropInstanceData: &::core::ffi::CStr = c"OfxPropInstanceData";
pub const kOfxPropType: &::core::ffi::CStr = c"OfxPropType";
pub const kOfxPropName: &::core::ffi::CStr = c"OfxPropName";
pub const kOfxPropVersion: &::core::ffi::CStr = c"OfxPropVersion";
pub const kOfxPropVersionLabel: &::core::ffi::CStr = c"OfxPropVersionLabel";
pub const kOfxPropPluginDescription: &::core::ffi::CStr = c"OfxPropPluginDescription";
pub const kOfxPropLabel: &::core::ffi::CStr = c"OfxPropLabel";
pub const kOfxPropIcon: &::core::ffi::CStr = c"OfxPropIcon";
pub const kOfxPropShortLabel: &::core::ffi::CStr = c"OfxPropShortLabel";
pub const kOfxPropLongLabel: &::core::ffi::CStr = c"OfxPropLongLabel";
pub const kOfxPropChangeReason: &::core::ffi::CStr = c"OfxPropChangeReason";
pub const kOfxPropEffectInstance: &::core::ffi::CStr = c"OfxPropEffectInstance";
pub const kOfxPropHostOSHandle: &::core::ffi::CStr = c"OfxPropHostOSHandle";
pub const kOfxChangeUserEdited: &::core::ffi::CStr = c"OfxChangeUserEdited";
pub const kOfxChangePluginEdited: &::core::ffi::CStr = c"OfxChangePluginEdited";
pub const kOfxChangeTime: &::core::ffi::CStr = c"OfxChangeTime";
pub const kOfxBitDepthNone: &::core::ffi::CStr = c"OfxBitDepthNone";
pub const kOfxBitDepthByte: &::core::ffi::CStr = c"OfxBitDepthByte";
pub const kOfxBitDepthShort: &::core::ffi::CStr = c"OfxBitDepthShort";
pub const kOfxBitDepthHalf: &::core::ffi::CStr = c"OfxBitDepthHalf";
pub const kOfxBitDepthFloat: &::core::ffi::CStr = c"OfxBitDepthFloat";
pub const kOfxFlagInfiniteMax: i32 = 2147483647;
pub const kOfxFlagInfiniteMin: i32 = -2147483648;
pub const kOfxPropertySuite: &::core::ffi::CStr = c"OfxPropertySuite";
pub const kOfxMemorySuite: &::core::ffi::CStr = c"OfxMemorySuite";
pub const kOfxMultiThreadSuite: &::core::ffi::CStr = c"OfxMultiThreadSuite";
pub const kOfxMessageSuite: &::core::ffi::CStr = c"OfxMessageSuite";
pub const kOfxMessageFatal: &::core::ffi::CStr = c"OfxMessageFatal";
pub const kOfxMessageError: &::core::ffi::CStr = c"OfxMessageError";
pub const kOfxMessageWarning: &::core::ffi::CStr = c"OfxMessageWarning";
pub const kOfxMessageMessage: &::core::ffi::CStr = c"OfxMessageMessage";
pub const kOfxMessageLog: &::core::ffi::CStr = c"OfxMessageLog";
pub const kOfxMessageQuestion: &::core::ffi::CStr = c"OfxMessageQuestion";
pub const kOfxProgressSuite: &::core::ffi::CStr = c"OfxProgressSuite";
pub const kOfxTimeLineSuite: &::core::ffi::CStr = c"OfxTimeLineSuite";
pub const kOfxTypeParameter: &::core::ffi::CStr = c"OfxTypeParameter";
pub const kOfxTypeParameterInstance: &::core::ffi::CStr = c"OfxTypeParameterInstance";
pub const kOfxParamTypeInteger: &::core::ffi::CStr = c"OfxParamTypeInteger";
pub const kOfxParamTypeDouble: &::core::ffi::CStr = c"OfxParamTypeDouble";
pub const kOfxParamTypeBoolean: &::core::ffi::CStr = c"OfxParamTypeBoolean";
pub const kOfxParamTypeChoice: &::core::ffi::CStr = c"OfxParamTypeChoice";
pub const kOfxParamTypeStrChoice: &::core::ffi::CStr = c"OfxParamTypeStrChoice";
pub const kOfxParamTypeRGBA: &::core::ffi::CStr = c"OfxParamTypeRGBA";
pub const kOfxParamTypeRGB: &::core::ffi::CStr = c"OfxParamTypeRGB";
pub const kOfxParamTypeDouble2D: &::core::ffi::CStr = c"OfxParamTypeDouble2D";
pub const kOfxParamTypeInteger2D: &::core::ffi::CStr = c"OfxParamTypeInteger2D";
pub const kOfxParamTypeDouble3D: &::core::ffi::CStr = c"OfxParamTypeDouble3D";
pub const kOfxParamTypeInteger3D: &::core::ffi::CStr = c"OfxParamTypeInteger3D";
pub const kOfxParamTypeString: &::core::ffi::CStr = c"OfxParamTypeString";
pub const kOfxParamTypeCustom: &::core::ffi::CStr = c"OfxParamTypeCustom";
pub const kOfxParamTypeBytes: &::core::ffi::CStr = c"OfxParamTypeBytes";
pub const kOfxParamTypeGroup: &::core::ffi::CStr = c"OfxParamTypeGroup";
pub const kOfxParamTypePage: &::core::ffi::CStr = c"OfxParamTypePage";
pub const kOfxParamTypePushButton: &::core::ffi::CStr = c"OfxParamTypePushButton";
pub const kOfxParamTypeParametric: &::core::ffi::CStr = c"OfxParamTypeParametric";
pub const kOfxParamHostPropSupportsCustomAnimation: &::core::ffi::CStr = c"OfxParamHostPropSupportsCustomAnimation";
pub const kOfxParamHostPropSupportsStringAnimation: &::core::ffi::CStr = c"OfxParamHostPropSupportsStringAnimation";
pub const kOfxParamHostPropSupportsBooleanAnimation: &::core::ffi::CStr = c"OfxParamHostPropSupportsBooleanAnimation";
pub const kOfxParamHostPropSupportsChoiceAnimation: &::core::ffi::CStr = c"OfxParamHostPropSupportsChoiceAnimation";
pub const kOfxParamHostPropSupportsStrChoiceAnimation: &::core::ffi::CStr = c"OfxParamHostPropSupportsStrChoiceAnimation";
pub const kOfxParamHostPropSupportsStrChoice: &::core::ffi::CStr = c"OfxParamHostPropSupportsStrChoice";
pub const kOfxParamHostPropSupportsCustomInteract: &::core::ffi::CStr = c"OfxParamHostPropSupportsCustomInteract";
pub const kOfxParamHostPropSupportsParametricAnimation: &::core::ffi::CStr = c"OfxParamHostPropSupportsParametricAnimation";
pub const kOfxParamHostPropMaxParameters: &::core::ffi::CStr = c"OfxParamHostPropMaxParameters";
pub const kOfxParamHostPropMaxPages: &::core::ffi::CStr = c"OfxParamHostPropMaxPages";
pub const kOfxParamHostPropPageRowColumnCount: &::core::ffi::CStr = c"OfxParamHostPropPageRowColumnCount";
pub const kOfxParamPropType: &::core::ffi::CStr = c"OfxParamPropType";
pub const kOfxParamPropAnimates: &::core::ffi::CStr = c"OfxParamPropAnimates";
pub const kOfxParamPropIsAnimating: &::core::ffi::CStr = c"OfxParamPropIsAnimating";
pub const kOfxParamPropIsAutoKeying: &::core::ffi::CStr = c"OfxParamPropIsAutoKeying";
pub const kOfxParamPropCanUndo: &::core::ffi::CStr = c"OfxParamPropCanUndo";
pub const kOfxParamPropPluginMayWrite: &::core::ffi::CStr = c"OfxParamPropPluginMayWrite";
pub const kOfxParamPropPersistant: &::core::ffi::CStr = c"OfxParamPropPersistant";
pub const kOfxParamPropEvaluateOnChange: &::core::ffi::CStr = c"OfxParamPropEvaluateOnChange";
pub const kOfxParamPropSecret: &::core::ffi::CStr = c"OfxParamPropSecret";
pub const kOfxParamPropEnabled: &::core::ffi::CStr = c"OfxParamPropEnabled";
pub const kOfxParamPropScriptName: &::core::ffi::CStr = c"OfxParamPropScriptName";
pub const kOfxParamPropHint: &::core::ffi::CStr = c"OfxParamPropHint";
pub const kOfxParamPropDefault: &::core::ffi::CStr = c"OfxParamPropDefault";
pub const kOfxParamPropParent: &::core::ffi::CStr = c"OfxParamPropParent";
pub const kOfxParamPropDataPtr: &::core::ffi::CStr = c"OfxParamPropDataPtr";
pub const kOfxPropParamSetNeedsSyncing: &::core::ffi::CStr = c"OfxPropParamSetNeedsSyncing";
pub const kOfxParamPropCacheInvalidation: &::core::ffi::CStr = c"OfxParamPropCacheInvalidation";
pub const kOfxParamInvalidateValueChange: &::core::ffi::CStr = c"OfxParamInvalidateValueChange";
pub const kOfxParamInvalidateValueChangeToEnd: &::core::ffi::CStr = c"OfxParamInvalidateValueChangeToEnd";
pub const kOfxParamInvalidateAll: &::core::ffi::CStr = c"OfxParamInvalidateAll";
pub const kOfxParamPropMin: &::core::ffi::CStr = c"OfxParamPropMin";
pub const kOfxParamPropMax: &::core::ffi::CStr = c"OfxParamPropMax";
pub const kOfxParamPropDisplayMin: &::core::ffi::CStr = c"OfxParamPropDisplayMin";
pub const kOfxParamPropDisplayMax: &::core::ffi::CStr = c"OfxParamPropDisplayMax";
pub const kOfxParamPropIncrement: &::core::ffi::CStr = c"OfxParamPropIncrement";
pub const kOfxParamPropDigits: &::core::ffi::CStr = c"OfxParamPropDigits";
pub const kOfxParamPropDimensionLabel: &::core::ffi::CStr = c"OfxParamPropDimensionLabel";
pub const kOfxParamPropShowTimeMarker: &::core::ffi::CStr = c"OfxParamPropShowTimeMarker";
pub const kOfxParamPropDoubleType: &::core::ffi::CStr = c"OfxParamPropDoubleType";
pub const kOfxParamDoubleTypePlain: &::core::ffi::CStr = c"OfxParamDoubleTypePlain";
pub const kOfxParamDoubleTypeScale: &::core::ffi::CStr = c"OfxParamDoubleTypeScale";
pub const kOfxParamDoubleTypeAngle: &::core::ffi::CStr = c"OfxParamDoubleTypeAngle";
pub const kOfxParamDoubleTypeTime: &::core::ffi::CStr = c"OfxParamDoubleTypeTime";
pub const kOfxParamDoubleTypeAbsoluteTime: &::core::ffi::CStr = c"OfxParamDoubleTypeAbsoluteTime";
pub const kOfxParamDoubleTypeX: &::core::ffi::CStr = c"OfxParamDoubleTypeX";
pub const kOfxParamDoubleTypeY: &::core::ffi::CStr = c"OfxParamDoubleTypeY";
pub const kOfxParamDoubleTypeXAbsolute: &::core::ffi::CStr = c"OfxParamDoubleTypeXAbsolute";
pub const kOfxParamDoubleTypeYAbsolute: &::core::ffi::CStr = c"OfxParamDoubleTypeYAbsolute";
pub const kOfxParamDoubleTypeXY: &::core::ffi::CStr = c"OfxParamDoubleTypeXY";
pub const kOfxParamDoubleTypeXYAbsolute: &::core::ffi::CStr = c"OfxParamDoubleTypeXYAbsolute";
pub const kOfxParamPropDefaultCoordinateSystem: &::core::ffi::CStr = c"OfxParamPropDefaultCoordinateSystem";
pub const kOfxParamCoordinatesCanonical: &::core::ffi::CStr = c"OfxParamCoordinatesCanonical";
pub const kOfxParamCoordinatesNormalised: &::core::ffi::CStr = c"OfxParamCoordinatesNormalised";
pub const kOfxParamPropHasHostOverlayHandle: &::core::ffi::CStr = c"OfxParamPropHasHostOverlayHandle";
pub const kOfxParamPropUseHostOverlayHandle: &::core::ffi::CStr = c"kOfxParamPropUseHostOverlayHandle";
pub const kOfxParamInterpType: &::core::ffi::CStr = c"OfxParamInterpType";
pub const kOfxParamInterpTypeConstantStep: &::core::ffi::CStr = c"OfxParamInterpTypeConstantStep";
pub const kOfxParamInterpTypeLinear: &::core::ffi::CStr = c"OfxParamInterpTypeLinear";
pub const kOfxParamInterpTypeSmooth: &::core::ffi::CStr = c"OfxParamInterpTypeSmooth";
pub const kOfxParamPropChoiceOption: &::core::ffi::CStr = c"OfxParamPropChoiceOption";
pub const kOfxParamPropChoiceOrder: &::core::ffi::CStr = c"OfxParamPropChoiceOrder";
pub const kOfxParamPropChoiceEnum: &::core::ffi::CStr = c"OfxParamPropChoiceEnum";
pub const kOfxParamPropStringMode: &::core::ffi::CStr = c"OfxParamPropStringMode";
pub const kOfxParamStringIsSingleLine: &::core::ffi::CStr = c"OfxParamStringIsSingleLine";
pub const kOfxParamStringIsMultiLine: &::core::ffi::CStr = c"OfxParamStringIsMultiLine";
pub const kOfxParamStringIsFilePath: &::core::ffi::CStr = c"OfxParamStringIsFilePath";
pub const kOfxParamStringIsDirectoryPath: &::core::ffi::CStr = c"OfxParamStringIsDirectoryPath";
pub const kOfxParamStringIsLabel: &::core::ffi::CStr = c"OfxParamStringIsLabel";
pub const kOfxParamStringIsRichTextFormat: &::core::ffi::CStr = c"OfxParamStringIsRichTextFormat";
pub const kOfxParamPropStringFilePathExists: &::core::ffi::CStr = c"OfxParamPropStringFilePathExists";
pub const kOfxParamPropGroupOpen: &::core::ffi::CStr = c"OfxParamPropGroupOpen";
pub const kOfxParamPropPageChild: &::core::ffi::CStr = c"OfxParamPropPageChild";
pub const kOfxPluginPropParamPageOrder: &::core::ffi::CStr = c"OfxPluginPropParamPageOrder";
pub const kOfxParamPageSkipRow: &::core::ffi::CStr = c"OfxParamPageSkipRow";
pub const kOfxParamPageSkipColumn: &::core::ffi::CStr = c"OfxParamPageSkipColumn";
pub const kOfxParamPropCustomInterpCallbackV1: &::core::ffi::CStr = c"OfxParamPropCustomCallbackV1";
pub const kOfxParamPropCustomValue: &::core::ffi::CStr = c"OfxParamPropCustomValue";
pub const kOfxParamPropInterpolationTime: &::core::ffi::CStr = c"OfxParamPropInterpolationTime";
pub const kOfxParamPropInterpolationAmount: &::core::ffi::CStr = c"OfxParamPropInterpolationAmount";
pub const kOfxParamPropInteractV1: &::core::ffi::CStr = c"OfxParamPropInteractV1";
pub const kOfxParamPropInteractSize: &::core::ffi::CStr = c"OfxParamPropInteractSize";
pub const kOfxParamPropInteractSizeAspect: &::core::ffi::CStr = c"OfxParamPropInteractSizeAspect";
pub const kOfxParamPropInteractMinimumSize: &::core::ffi::CStr = c"OfxParamPropInteractMinimumSize";
pub const kOfxParamPropInteractPreferedSize: &::core::ffi::CStr = c"OfxParamPropInteractPreferedSize";
pub const kOfxParamPropParametricDimension: &::core::ffi::CStr = c"OfxParamPropParametricDimension";
pub const kOfxParamPropParametricUIColour: &::core::ffi::CStr = c"OfxParamPropParametricUIColour";
pub const kOfxParamPropParametricInteractBackground: &::core::ffi::CStr = c"OfxParamPropParametricInteractBackground";
pub const kOfxParamPropParametricRange: &::core::ffi::CStr = c"OfxParamPropParametricRange";
pub const kOfxParameterSuite: &::core::ffi::CStr = c"OfxParameterSuite";
pub const kOfxParametricParameterSuite: &::core::ffi::CStr = c"OfxParametricParameterSuite";
pub const kOfxImageEffectPluginApi: &::core::ffi::CStr = c"OfxImageEffectPluginAPI";
pub const kOfxImageEffectPluginApiVersion: i32 = 1;
pub const kOfxTypeImageEffectHost: &::core::ffi::CStr = c"OfxTypeImageEffectHost";
pub const kOfxTypeImageEffect: &::core::ffi::CStr = c"OfxTypeImageEffect";
pub const kOfxTypeImageEffectInstance: &::core::ffi::CStr = c"OfxTypeImageEffectInstance";
pub const kOfxTypeClip: &::core::ffi::CStr = c"OfxTypeClip";
pub const kOfxTypeImage: &::core::ffi::CStr = c"OfxTypeImage";
pub const kOfxImageEffectContextGenerator: &::core::ffi::CStr = c"OfxImageEffectContextGenerator";
pub const kOfxImageEffectContextFilter: &::core::ffi::CStr = c"OfxImageEffectContextFilter";
pub const kOfxImageEffectContextTransition: &::core::ffi::CStr = c"OfxImageEffectContextTransition";
pub const kOfxImageEffectContextPaint: &::core::ffi::CStr = c"OfxImageEffectContextPaint";
pub const kOfxImageEffectContextGeneral: &::core::ffi::CStr = c"OfxImageEffectContextGeneral";
pub const kOfxImageEffectContextRetimer: &::core::ffi::CStr = c"OfxImageEffectContextRetimer";
pub const kOfxImageEffectActionDescribeInContext: &::core::ffi::CStr = c"OfxImageEffectActionDescribeInContext";
pub const kOfxImageEffectActionGetRegionOfDefinition: &::core::ffi::CStr = c"OfxImageEffectActionGetRegionOfDefinition";
pub const kOfxImageEffectActionGetRegionsOfInterest: &::core::ffi::CStr = c"OfxImageEffectActionGetRegionsOfInterest";
pub const kOfxImageEffectActionGetTimeDomain: &::core::ffi::CStr = c"OfxImageEffectActionGetTimeDomain";
pub const kOfxImageEffectActionGetFramesNeeded: &::core::ffi::CStr = c"OfxImageEffectActionGetFramesNeeded";
pub const kOfxImageEffectActionGetClipPreferences: &::core::ffi::CStr = c"OfxImageEffectActionGetClipPreferences";
pub const kOfxImageEffectActionIsIdentity: &::core::ffi::CStr = c"OfxImageEffectActionIsIdentity";
pub const kOfxImageEffectActionRender: &::core::ffi::CStr = c"OfxImageEffectActionRender";
pub const kOfxImageEffectActionBeginSequenceRender: &::core::ffi::CStr = c"OfxImageEffectActionBeginSequenceRender";
pub const kOfxImageEffectActionEndSequenceRender: &::core::ffi::CStr = c"OfxImageEffectActionEndSequenceRender";
pub const kOfxImageEffectOutputClipName: &::core::ffi::CStr = c"Output";
pub const kOfxImageEffectSimpleSourceClipName: &::core::ffi::CStr = c"Source";
pub const kOfxImageEffectTransitionSourceFromClipName: &::core::ffi::CStr = c"SourceFrom";
pub const kOfxImageEffectTransitionSourceToClipName: &::core::ffi::CStr = c"SourceTo";
pub const kOfxImageEffectTransitionParamName: &::core::ffi::CStr = c"Transition";
pub const kOfxImageEffectRetimerParamName: &::core::ffi::CStr = c"SourceTime";
pub const kOfxImageComponentNone: &::core::ffi::CStr = c"OfxImageComponentNone";
pub const kOfxImageComponentRGBA: &::core::ffi::CStr = c"OfxImageComponentRGBA";
pub const kOfxImageComponentRGB: &::core::ffi::CStr = c"OfxImageComponentRGB";
pub const kOfxImageComponentAlpha: &::core::ffi::CStr = c"OfxImageComponentAlpha";
pub const kOfxImageEffectPropPreMultiplication: &::core::ffi::CStr = c"OfxImageEffectPropPreMultiplication";
pub const kOfxImageOpaque: &::core::ffi::CStr = c"OfxImageOpaque";
pub const kOfxImagePreMultiplied: &::core::ffi::CStr = c"OfxImageAlphaPremultiplied";
pub const kOfxImageUnPreMultiplied: &::core::ffi::CStr = c"OfxImageAlphaUnPremultiplied";
pub const kOfxImageEffectHostPropIsBackground: &::core::ffi::CStr = c"OfxImageEffectHostPropIsBackground";
pub const kOfxImageEffectHostPropNativeOrigin: &::core::ffi::CStr = c"OfxImageEffectHostPropNativeOrigin";
pub const kOfxHostNativeOriginBottomLeft: &::core::ffi::CStr = c"kOfxImageEffectHostPropNativeOriginBottomLeft";
pub const kOfxHostNativeOriginTopLeft: &::core::ffi::CStr = c"kOfxImageEffectHostPropNativeOriginTopLeft";
pub const kOfxHostNativeOriginCenter: &::core::ffi::CStr = c"kOfxImageEffectHostPropNativeOriginCenter";
pub const kOfxImageEffectPropSupportedContexts: &::core::ffi::CStr = c"OfxImageEffectPropSupportedContexts";
pub const kOfxImageEffectPropSupportedPixelDepths: &::core::ffi::CStr = c"OfxImageEffectPropSupportedPixelDepths";
pub const kOfxImageEffectPropSupportedComponents: &::core::ffi::CStr = c"OfxImageEffectPropSupportedComponents";
pub const kOfxImageEffectPropSupportsMultipleClipDepths: &::core::ffi::CStr = c"OfxImageEffectPropMultipleClipDepths";
pub const kOfxImageEffectPropSupportsMultipleClipPARs: &::core::ffi::CStr = c"OfxImageEffectPropSupportsMultipleClipPARs";
pub const kOfxImageEffectPropSetableFrameRate: &::core::ffi::CStr = c"OfxImageEffectPropSetableFrameRate";
pub const kOfxImageEffectPropSetableFielding: &::core::ffi::CStr = c"OfxImageEffectPropSetableFielding";
pub const kOfxImageEffectPropSupportsOverlays: &::core::ffi::CStr = c"OfxImageEffectPropSupportsOverlays";
pub const kOfxImageEffectPropSupportsMultiResolution: &::core::ffi::CStr = c"OfxImageEffectPropSupportsMultiResolution";
pub const kOfxImageEffectPropSupportsTiles: &::core::ffi::CStr = c"OfxImageEffectPropSupportsTiles";
pub const kOfxImageEffectPropTemporalClipAccess: &::core::ffi::CStr = c"OfxImageEffectPropTemporalClipAccess";
pub const kOfxImageEffectPluginPropGrouping: &::core::ffi::CStr = c"OfxImageEffectPluginPropGrouping";
pub const kOfxImageEffectPluginPropObsolete: &::core::ffi::CStr = c"OfxImageEffectPluginPropObsolete";
pub const kOfxImageEffectPluginPropSingleInstance: &::core::ffi::CStr = c"OfxImageEffectPluginPropSingleInstance";
pub const kOfxImageEffectPluginRenderThreadSafety: &::core::ffi::CStr = c"OfxImageEffectPluginRenderThreadSafety";
pub const kOfxImageEffectRenderUnsafe: &::core::ffi::CStr = c"OfxImageEffectRenderUnsafe";
pub const kOfxImageEffectRenderInstanceSafe: &::core::ffi::CStr = c"OfxImageEffectRenderInstanceSafe";
pub const kOfxImageEffectRenderFullySafe: &::core::ffi::CStr = c"OfxImageEffectRenderFullySafe";
pub const kOfxImageEffectPluginPropHostFrameThreading: &::core::ffi::CStr = c"OfxImageEffectPluginPropHostFrameThreading";
pub const kOfxImageEffectPluginPropFieldRenderTwiceAlways: &::core::ffi::CStr = c"OfxImageEffectPluginPropFieldRenderTwiceAlways";
pub const kOfxImageEffectPropClipPreferencesSlaveParam: &::core::ffi::CStr = c"OfxImageEffectPropClipPreferencesSlaveParam";
pub const kOfxImageEffectPluginPropOverlayInteractV1: &::core::ffi::CStr = c"OfxImageEffectPluginPropOverlayInteractV1";
pub const kOfxImageEffectPluginPropOverlayInteractV2: &::core::ffi::CStr = c"OfxImageEffectPluginPropOverlayInteractV2";
pub const kOfxImageEffectInstancePropSequentialRender: &::core::ffi::CStr = c"OfxImageEffectInstancePropSequentialRender";
pub const kOfxImageEffectPropNoSpatialAwareness: &::core::ffi::CStr = c"OfxImageEffectPropNoSpatialAwareness";
pub const kOfxImageEffectPropContext: &::core::ffi::CStr = c"OfxImageEffectPropContext";
pub const kOfxImageEffectPropPluginHandle: &::core::ffi::CStr = c"OfxImageEffectPropPluginHandle";
pub const kOfxImageEffectInstancePropEffectDuration: &::core::ffi::CStr = c"OfxImageEffectInstancePropEffectDuration";
pub const kOfxImageEffectPropProjectExtent: &::core::ffi::CStr = c"OfxImageEffectPropProjectExtent";
pub const kOfxImageEffectPropProjectSize: &::core::ffi::CStr = c"OfxImageEffectPropProjectSize";
pub const kOfxImageEffectPropProjectOffset: &::core::ffi::CStr = c"OfxImageEffectPropProjectOffset";
pub const kOfxImageEffectPropProjectPixelAspectRatio: &::core::ffi::CStr = c"OfxImageEffectPropPixelAspectRatio";
pub const kOfxImageEffectPropFrameRate: &::core::ffi::CStr = c"OfxImageEffectPropFrameRate";
pub const kOfxImageEffectPropBehaviourWhenUnlicensed: &::core::ffi::CStr = c"OfxImageEffectPropBehaviourWhenUnlicensed";
pub const kOfxUnlicensedContinue: &::core::ffi::CStr = c"OfxUnlicensedContinue";
pub const kOfxUnlicensedFail: &::core::ffi::CStr = c"OfxUnlicensedFail";
pub const kOfxImageClipPropConnected: &::core::ffi::CStr = c"OfxImageClipPropConnected";
pub const kOfxImageClipPropOptional: &::core::ffi::CStr = c"OfxImageClipPropOptional";
pub const kOfxImageClipPropIsMask: &::core::ffi::CStr = c"OfxImageClipPropIsMask";
pub const kOfxImageClipPropContinuousSamples: &::core::ffi::CStr = c"OfxImageClipPropContinuousSamples";
pub const kOfxImageClipPropUnmappedPixelDepth: &::core::ffi::CStr = c"OfxImageClipPropUnmappedPixelDepth";
pub const kOfxImageClipPropUnmappedComponents: &::core::ffi::CStr = c"OfxImageClipPropUnmappedComponents";
pub const kOfxImageClipPropFieldOrder: &::core::ffi::CStr = c"OfxImageClipPropFieldOrder";
pub const kOfxImageClipPropFieldExtraction: &::core::ffi::CStr = c"OfxImageClipPropFieldExtraction";
pub const kOfxImageEffectPropFrameRange: &::core::ffi::CStr = c"OfxImageEffectPropFrameRange";
pub const kOfxImageEffectPropUnmappedFrameRange: &::core::ffi::CStr = c"OfxImageEffectPropUnmappedFrameRange";
pub const kOfxImageEffectPropUnmappedFrameRate: &::core::ffi::CStr = c"OfxImageEffectPropUnmappedFrameRate";
pub const kOfxImagePropData: &::core::ffi::CStr = c"OfxImagePropData";
pub const kOfxImagePropBounds: &::core::ffi::CStr = c"OfxImagePropBounds";
pub const kOfxImagePropRegionOfDefinition: &::core::ffi::CStr = c"OfxImagePropRegionOfDefinition";
pub const kOfxImagePropRowBytes: &::core::ffi::CStr = c"OfxImagePropRowBytes";
pub const kOfxImagePropField: &::core::ffi::CStr = c"OfxImagePropField";
pub const kOfxImagePropUniqueIdentifier: &::core::ffi::CStr = c"OfxImagePropUniqueIdentifier";
pub const kOfxImagePropPixelAspectRatio: &::core::ffi::CStr = c"OfxImagePropPixelAspectRatio";
pub const kOfxImageEffectPropPixelDepth: &::core::ffi::CStr = c"OfxImageEffectPropPixelDepth";
pub const kOfxImageEffectPropComponents: &::core::ffi::CStr = c"OfxImageEffectPropComponents";
pub const kOfxImageEffectPropRenderScale: &::core::ffi::CStr = c"OfxImageEffectPropRenderScale";
pub const kOfxImageEffectPropFrameStep: &::core::ffi::CStr = c"OfxImageEffectPropFrameStep";
pub const kOfxImageEffectFrameVarying: &::core::ffi::CStr = c"OfxImageEffectFrameVarying";
pub const kOfxImageEffectPropFieldToRender: &::core::ffi::CStr = c"OfxImageEffectPropFieldToRender";
pub const kOfxImageEffectPropRegionOfDefinition: &::core::ffi::CStr = c"OfxImageEffectPropRegionOfDefinition";
pub const kOfxImageEffectPropRegionOfInterest: &::core::ffi::CStr = c"OfxImageEffectPropRegionOfInterest";
pub const kOfxImageEffectPropRenderWindow: &::core::ffi::CStr = c"OfxImageEffectPropRenderWindow";
pub const kOfxImageEffectPropRenderQualityDraft: &::core::ffi::CStr = c"OfxImageEffectPropRenderQualityDraft";
pub const kOfxImageEffectPropThumbnailRender: &::core::ffi::CStr = c"OfxImageEffectPropThumbnailRender";
pub const kOfxImageEffectPropSequentialRenderStatus: &::core::ffi::CStr = c"OfxImageEffectPropSequentialRenderStatus";
pub const kOfxImageEffectPropInteractiveRenderStatus: &::core::ffi::CStr = c"OfxImageEffectPropInteractiveRenderStatus";
pub const kOfxImageFieldNone: &::core::ffi::CStr = c"OfxFieldNone";
pub const kOfxImageFieldLower: &::core::ffi::CStr = c"OfxFieldLower";
pub const kOfxImageFieldUpper: &::core::ffi::CStr = c"OfxFieldUpper";
pub const kOfxImageFieldBoth: &::core::ffi::CStr = c"OfxFieldBoth";
pub const kOfxImageFieldSingle: &::core::ffi::CStr = c"OfxFieldSingle";
pub const kOfxImageFieldDoubled: &::core::ffi::CStr = c"OfxFieldDoubled";
pub const kOfxStatErrImageFormat: i32 = 1000;
pub const kOfxImageEffectSuite: &::core::ffi::CStr = c"OfxImageEffectSuite";
pub const kOfxImageEffectPropCPURenderSupported: &::core::ffi::CStr = c"OfxImageEffectPropCPURenderSupported";
pub const kOfxStatGPUOutOfMemory: i32 = 1001;
pub const kOfxStatGPURenderFailed: i32 = 1002;
pub const kOfxStatGLOutOfMemory: i32 = 1001;
pub const kOfxStatGLRenderFailed: i32 = 1002;
pub const kOfxImageEffectPropOpenGLRenderSupported: &::core::ffi::CStr = c"OfxImageEffectPropOpenGLRenderSupported";
pub const kOfxImageEffectPropOpenGLEnabled: &::core::ffi::CStr = c"OfxImageEffectPropOpenGLEnabled";
pub const kOfxImageEffectPropOpenGLTextureIndex: &::core::ffi::CStr = c"OfxImageEffectPropOpenGLTextureIndex";
pub const kOfxImageEffectPropOpenGLTextureTarget: &::core::ffi::CStr = c"OfxImageEffectPropOpenGLTextureTarget";
pub const kOfxOpenGLPropPixelDepth: &::core::ffi::CStr = c"OfxOpenGLPropPixelDepth";
pub const kOfxActionOpenGLContextAttached: &::core::ffi::CStr = c"OfxActionOpenGLContextAttached";
pub const kOfxActionOpenGLContextDetached: &::core::ffi::CStr = c"kOfxActionOpenGLContextDetached";
pub const kOfxImageEffectPropCudaRenderSupported: &::core::ffi::CStr = c"OfxImageEffectPropCudaRenderSupported";
pub const kOfxImageEffectPropCudaEnabled: &::core::ffi::CStr = c"OfxImageEffectPropCudaEnabled";
pub const kOfxImageEffectPropCudaStreamSupported: &::core::ffi::CStr = c"OfxImageEffectPropCudaStreamSupported";
pub const kOfxImageEffectPropCudaStream: &::core::ffi::CStr = c"OfxImageEffectPropCudaStream";
pub const kOfxImageEffectPropMetalRenderSupported: &::core::ffi::CStr = c"OfxImageEffectPropMetalRenderSupported";
pub const kOfxImageEffectPropMetalEnabled: &::core::ffi::CStr = c"OfxImageEffectPropMetalEnabled";
pub const kOfxImageEffectPropMetalCommandQueue: &::core::ffi::CStr = c"OfxImageEffectPropMetalCommandQueue";
pub const kOfxImageEffectPropOpenCLRenderSupported: &::core::ffi::CStr = c"OfxImageEffectPropOpenCLRenderSupported";
pub const kOfxImageEffectPropOpenCLSupported: &::core::ffi::CStr = c"OfxImageEffectPropOpenCLSupported";
pub const kOfxImageEffectPropOpenCLEnabled: &::core::ffi::CStr = c"OfxImageEffectPropOpenCLEnabled";
pub const kOfxImageEffectPropOpenCLCommandQueue: &::core::ffi::CStr = c"OfxImageEffectPropOpenCLCommandQueue";
pub const kOfxImageEffectPropOpenCLImage: &::core::ffi::CStr = c"OfxImageEffectPropOpenCLImage";
pub const kOfxOpenGLRenderSuite: &::core::ffi::CStr = c"OfxImageEffectOpenGLRenderSuite";
pub const kOfxOpenCLProgramSuite: &::core::ffi::CStr = c"OfxOpenCLProgramSuite";
pub const kOfxImageEffectPropColourManagementStyle: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementStyle";
pub const kOfxImageEffectColourManagementNone: &::core::ffi::CStr = c"OfxImageEffectColourManagementNone";
pub const kOfxImageEffectColourManagementBasic: &::core::ffi::CStr = c"OfxImageEffectColourManagementBasic";
pub const kOfxImageEffectColourManagementCore: &::core::ffi::CStr = c"OfxImageEffectColourManagementCore";
pub const kOfxImageEffectColourManagementFull: &::core::ffi::CStr = c"OfxImageEffectColourManagementFull";
pub const kOfxImageEffectColourManagementOCIO: &::core::ffi::CStr = c"OfxImageEffectColourManagementOCIO";
pub const kOfxImageEffectPropColourManagementNone: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementNone";
pub const kOfxImageEffectPropColourManagementBasic: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementBasic";
pub const kOfxImageEffectPropColourManagementCore: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementCore";
pub const kOfxImageEffectPropColourManagementFull: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementFull";
pub const kOfxImageEffectPropColourManagementOCIO: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementOCIO";
pub const kOfxImageEffectPropColourManagementAvailableConfigs: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementAvailableConfigs";
pub const kOfxImageEffectPropColourManagementConfig: &::core::ffi::CStr = c"OfxImageEffectPropColourManagementConfig";
pub const kOfxImageEffectPropOCIOConfig: &::core::ffi::CStr = c"OfxImageEffectPropOCIOConfig";
pub const kOfxImageClipPropColourspace: &::core::ffi::CStr = c"OfxImageClipPropColourspace";
pub const kOfxImageClipPropPreferredColourspaces: &::core::ffi::CStr = c"OfxImageClipPropPreferredColourspaces";
pub const kOfxImageEffectPropDisplayColourspace: &::core::ffi::CStr = c"OfxImageEffectPropDisplayColourspace";
pub const kOfxImageEffectPropOCIODisplay: &::core::ffi::CStr = c"OfxImageEffectPropOCIODisplay";
pub const kOfxImageEffectPropOCIOView: &::core::ffi::CStr = c"OfxImageEffectPropOCIOView";
pub const kOfxImageEffectActionGetOutputColourspace: &::core::ffi::CStr = c"OfxImageEffectActionGetOutputColourspace";
pub const kOfxConfigIdentifier: &::core::ffi::CStr = c"ofx-native-v1.5_aces-v1.3_ocio-v2.3";
pub const kOfxColourspaceOfxDisplayHdr: &::core::ffi::CStr = c"ofx_display_hdr";
pub const kOfxColourspaceOfxDisplaySdr: &::core::ffi::CStr = c"ofx_display_sdr";
pub const kOfxColourspaceOfxRaw: &::core::ffi::CStr = c"ofx_raw";
pub const kOfxColourspaceOfxSceneLinear: &::core::ffi::CStr = c"ofx_scene_linear";
pub const kOfxColourspaceOfxSceneLog: &::core::ffi::CStr = c"ofx_scene_log";
pub const kOfxColourspaceSrgbDisplay: &::core::ffi::CStr = c"srgb_display";
pub const kOfxColourspaceDisplayp3Display: &::core::ffi::CStr = c"displayp3_display";
pub const kOfxColourspaceRec1886Rec709Display: &::core::ffi::CStr = c"rec1886_rec709_display";
pub const kOfxColourspaceRec1886Rec2020Display: &::core::ffi::CStr = c"rec1886_rec2020_display";
pub const kOfxColourspaceRec2100HlgDisplay: &::core::ffi::CStr = c"rec2100_hlg_display";
pub const kOfxColourspaceRec2100PqDisplay: &::core::ffi::CStr = c"rec2100_pq_display";
pub const kOfxColourspaceSt2084P3d65Display: &::core::ffi::CStr = c"st2084_p3d65_display";
pub const kOfxColourspaceP3d65Display: &::core::ffi::CStr = c"p3d65_display";
pub const kOfxColourspaceACES20651: &::core::ffi::CStr = c"ACES2065-1";
pub const kOfxColourspaceACEScc: &::core::ffi::CStr = c"ACEScc";
pub const kOfxColourspaceACEScct: &::core::ffi::CStr = c"ACEScct";
pub const kOfxColourspaceACEScg: &::core::ffi::CStr = c"ACEScg";
pub const kOfxColourspaceLinP3d65: &::core::ffi::CStr = c"lin_p3d65";
pub const kOfxColourspaceLinRec2020: &::core::ffi::CStr = c"lin_rec2020";
pub const kOfxColourspaceLinRec709Srgb: &::core::ffi::CStr = c"lin_rec709_srgb";
pub const kOfxColourspaceG18Rec709Tx: &::core::ffi::CStr = c"g18_rec709_tx";
pub const kOfxColourspaceG22Ap1Tx: &::core::ffi::CStr = c"g22_ap1_tx";
pub const kOfxColourspaceG22Rec709Tx: &::core::ffi::CStr = c"g22_rec709_tx";
pub const kOfxColourspaceG24Rec709Tx: &::core::ffi::CStr = c"g24_rec709_tx";
pub const kOfxColourspaceSrgbEncodedAp1Tx: &::core::ffi::CStr = c"srgb_encoded_ap1_tx";
pub const kOfxColourspaceSrgbEncodedP3d65Tx: &::core::ffi::CStr = c"srgb_encoded_p3d65_tx";
pub const kOfxColourspaceSrgbTx: &::core::ffi::CStr = c"srgb_tx";
pub const kOfxColourspaceRaw: &::core::ffi::CStr = c"Raw";
pub const kOfxColourspaceCIEXYZD65: &::core::ffi::CStr = c"CIE-XYZ-D65";
pub const kOfxColourspaceP3d60Display: &::core::ffi::CStr = c"p3d60_display";
pub const kOfxColourspaceP3DciDisplay: &::core::ffi::CStr = c"p3_dci_display";
pub const kOfxColourspaceADX10: &::core::ffi::CStr = c"ADX10";
pub const kOfxColourspaceADX16: &::core::ffi::CStr = c"ADX16";
pub const kOfxColourspaceLinArriWideGamut3: &::core::ffi::CStr = c"lin_arri_wide_gamut_3";
pub const kOfxColourspaceArriLogc3Ei800: &::core::ffi::CStr = c"arri_logc3_ei800";
pub const kOfxColourspaceLinArriWideGamut4: &::core::ffi::CStr = c"lin_arri_wide_gamut_4";
pub const kOfxColourspaceArriLogc4: &::core::ffi::CStr = c"arri_logc4";
pub const kOfxColourspaceBmdfilmWidegamutGen5: &::core::ffi::CStr = c"bmdfilm_widegamut_gen5";
pub const kOfxColourspaceDavinciIntermediateWidegamut: &::core::ffi::CStr = c"davinci_intermediate_widegamut";
pub const kOfxColourspaceLinBmdWidegamutGen5: &::core::ffi::CStr = c"lin_bmd_widegamut_gen5";
pub const kOfxColourspaceLinDavinciWidegamut: &::core::ffi::CStr = c"lin_davinci_widegamut";
pub const kOfxColourspaceCanonlog2CinemagamutD55: &::core::ffi::CStr = c"canonlog2_cinemagamut_d55";
pub const kOfxColourspaceCanonlog3CinemagamutD55: &::core::ffi::CStr = c"canonlog3_cinemagamut_d55";
pub const kOfxColourspaceLinCinemagamutD55: &::core::ffi::CStr = c"lin_cinemagamut_d55";
pub const kOfxColourspaceLinVgamut: &::core::ffi::CStr = c"lin_vgamut";
pub const kOfxColourspaceVlogVgamut: &::core::ffi::CStr = c"vlog_vgamut";
pub const kOfxColourspaceLinRedwidegamutrgb: &::core::ffi::CStr = c"lin_redwidegamutrgb";
pub const kOfxColourspaceLog3g10Redwidegamutrgb: &::core::ffi::CStr = c"log3g10_redwidegamutrgb";
pub const kOfxColourspaceLinSgamut3: &::core::ffi::CStr = c"lin_sgamut3";
pub const kOfxColourspaceLinSgamut3cine: &::core::ffi::CStr = c"lin_sgamut3cine";
pub const kOfxColourspaceLinVeniceSgamut3: &::core::ffi::CStr = c"lin_venice_sgamut3";
pub const kOfxColourspaceLinVeniceSgamut3cine: &::core::ffi::CStr = c"lin_venice_sgamut3cine";
pub const kOfxColourspaceSlog3Sgamut3: &::core::ffi::CStr = c"slog3_sgamut3";
pub const kOfxColourspaceSlog3Sgamut3cine: &::core::ffi::CStr = c"slog3_sgamut3cine";
pub const kOfxColourspaceSlog3VeniceSgamut3: &::core::ffi::CStr = c"slog3_venice_sgamut3";
pub const kOfxColourspaceSlog3VeniceSgamut3cine: &::core::ffi::CStr = c"slog3_venice_sgamut3cine";
pub const kOfxColourspaceCameraRec709: &::core::ffi::CStr = c"camera_rec709";
pub const kOfxColourspaceRoleAcesInterchange: &::core::ffi::CStr = c"aces_interchange";
pub const kOfxColourspaceRoleCieXyzD65Interchange: &::core::ffi::CStr = c"cie_xyz_d65_interchange";
pub const kOfxColourspaceRoleColorPicking: &::core::ffi::CStr = c"color_picking";
pub const kOfxColourspaceRoleColorTiming: &::core::ffi::CStr = c"color_timing";
pub const kOfxColourspaceRoleCompositingLog: &::core::ffi::CStr = c"compositing_log";
pub const kOfxColourspaceRoleData: &::core::ffi::CStr = c"data";
pub const kOfxColourspaceRoleMattePaint: &::core::ffi::CStr = c"matte_paint";
pub const kOfxColourspaceRoleSceneLinear: &::core::ffi::CStr = c"scene_linear";
pub const kOfxColourspaceRoleTexturePaint: &::core::ffi::CStr = c"texture_paint";
pub const kOfxImageEffectPropResolvePage: &::core::ffi::CStr = c"OfxImageEffectPropResolvePage";
pub const kOfxImageClipPropThumbnail: &::core::ffi::CStr = c"kOfxImageClipPropThumbnail";
pub const kNatronOfxHostIsNatron: &::core::ffi::CStr = c"NatronOfxHostIsNatron";
pub const kNatronOfxParamHostPropSupportsDynamicChoices: &::core::ffi::CStr = c"NatronOfxParamHostPropSupportsDynamicChoices";
pub const kOfxParamPropLayoutHint: &::core::ffi::CStr = c"OfxParamPropLayoutHint";
pub const kOfxParamPropLayoutHintNormal: i32 = 0;
pub const kOfxParamPropLayoutHintDivider: i32 = 1;
pub const kOfxParamPropLayoutHintNoNewLine: i32 = 2;
#[repr(C)]
#[derive(Debug)]
pub struct OfxPropertySetStruct {
    _unused: [u8; 0],
}
/// A property set: typed, indexed values, owned by the host.
pub type OfxPropertySetHandle = *mut OfxPropertySetStruct;
/// Status that a suite function or an action returns: one of the `kOfxStat...` values.
pub type OfxStatus = ::core::ffi::c_int;
/// A time in frames. It may be fractional.
pub type OfxTime = f64;
/// A range of integers, both ends included.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxRangeI {
    pub min: ::core::ffi::c_int,
    pub max: ::core::ffi::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxRangeI"][::core::mem::size_of::<OfxRangeI>() - 8usize];
    ["Alignment of OfxRangeI"][::core::mem::align_of::<OfxRangeI>() - 4usize];
    [
        "Offset of field: OfxRangeI::min",
    ][::core::mem::offset_of!(OfxRangeI, min) - 0usize];
    [
        "Offset of field: OfxRangeI::max",
    ][::core::mem::offset_of!(OfxRangeI, max) - 4usize];
};
/// A range of floating-point numbers, both ends included.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxRangeD {
    pub min: f64,
    pub max: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxRangeD"][::core::mem::size_of::<OfxRangeD>() - 16usize];
    ["Alignment of OfxRangeD"][::core::mem::align_of::<OfxRangeD>() - 8usize];
    [
        "Offset of field: OfxRangeD::min",
    ][::core::mem::offset_of!(OfxRangeD, min) - 0usize];
    [
        "Offset of field: OfxRangeD::max",
    ][::core::mem::offset_of!(OfxRangeD, max) - 8usize];
};
/// A position in pixels, y upwards.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxPointI {
    pub x: ::core::ffi::c_int,
    pub y: ::core::ffi::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxPointI"][::core::mem::size_of::<OfxPointI>() - 8usize];
    ["Alignment of OfxPointI"][::core::mem::align_of::<OfxPointI>() - 4usize];
    ["Offset of field: OfxPointI::x"][::core::mem::offset_of!(OfxPointI, x) - 0usize];
    ["Offset of field: OfxPointI::y"][::core::mem::offset_of!(OfxPointI, y) - 4usize];
};
/// A position in canonical coordinates.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxPointD {
    pub x: f64,
    pub y: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxPointD"][::core::mem::size_of::<OfxPointD>() - 16usize];
    ["Alignment of OfxPointD"][::core::mem::align_of::<OfxPointD>() - 8usize];
    ["Offset of field: OfxPointD::x"][::core::mem::offset_of!(OfxPointD, x) - 0usize];
    ["Offset of field: OfxPointD::y"][::core::mem::offset_of!(OfxPointD, y) - 8usize];
};
/// A rectangle in pixels, half-open: `x2` and `y2` are outside.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxRectI {
    pub x1: ::core::ffi::c_int,
    pub y1: ::core::ffi::c_int,
    pub x2: ::core::ffi::c_int,
    pub y2: ::core::ffi::c_int,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxRectI"][::core::mem::size_of::<OfxRectI>() - 16usize];
    ["Alignment of OfxRectI"][::core::mem::align_of::<OfxRectI>() - 4usize];
    ["Offset of field: OfxRectI::x1"][::core::mem::offset_of!(OfxRectI, x1) - 0usize];
    ["Offset of field: OfxRectI::y1"][::core::mem::offset_of!(OfxRectI, y1) - 4usize];
    ["Offset of field: OfxRectI::x2"][::core::mem::offset_of!(OfxRectI, x2) - 8usize];
    ["Offset of field: OfxRectI::y2"][::core::mem::offset_of!(OfxRectI, y2) - 12usize];
};
/// A rectangle in canonical coordinates, half-open like `OfxRectI`.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxRectD {
    pub x1: f64,
    pub y1: f64,
    pub x2: f64,
    pub y2: f64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxRectD"][::core::mem::size_of::<OfxRectD>() - 32usize];
    ["Alignment of OfxRectD"][::core::mem::align_of::<OfxRectD>() - 8usize];
    ["Offset of field: OfxRectD::x1"][::core::mem::offset_of!(OfxRectD, x1) - 0usize];
    ["Offset of field: OfxRectD::y1"][::core::mem::offset_of!(OfxRectD, y1) - 8usize];
    ["Offset of field: OfxRectD::x2"][::core::mem::offset_of!(OfxRectD, x2) - 16usize];
    ["Offset of field: OfxRectD::y2"][::core::mem::offset_of!(OfxRectD, y2) - 24usize];
};
/// The host record passed to `setHost`: the host's properties, and the function that returns its suites.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxHost {
    pub host: OfxPropertySetHandle,
    pub fetchSuite: ::core::option::Option<
        unsafe extern "C" fn(
            host: OfxPropertySetHandle,
            suiteName: *const ::core::ffi::c_char,
            suiteVersion: ::core::ffi::c_int,
        ) -> *const ::core::ffi::c_void,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxHost"][::core::mem::size_of::<OfxHost>() - 16usize];
    ["Alignment of OfxHost"][::core::mem::align_of::<OfxHost>() - 8usize];
    ["Offset of field: OfxHost::host"][::core::mem::offset_of!(OfxHost, host) - 0usize];
    [
        "Offset of field: OfxHost::fetchSuite",
    ][::core::mem::offset_of!(OfxHost, fetchSuite) - 8usize];
};
/// The entry point of a plug-in, called for every action.
pub type OfxPluginEntryPoint = ::core::option::Option<
    unsafe extern "C" fn(
        action: *const ::core::ffi::c_char,
        handle: *const ::core::ffi::c_void,
        inArgs: OfxPropertySetHandle,
        outArgs: OfxPropertySetHandle,
    ) -> OfxStatus,
>;
/// The record of a plug-in in a binary. It is valid as long as the binary stays loaded.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxPlugin {
    pub pluginApi: *const ::core::ffi::c_char,
    pub apiVersion: ::core::ffi::c_int,
    pub pluginIdentifier: *const ::core::ffi::c_char,
    pub pluginVersionMajor: ::core::ffi::c_uint,
    pub pluginVersionMinor: ::core::ffi::c_uint,
    pub setHost: ::core::option::Option<unsafe extern "C" fn(host: *mut OfxHost)>,
    pub mainEntry: OfxPluginEntryPoint,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxPlugin"][::core::mem::size_of::<OfxPlugin>() - 48usize];
    ["Alignment of OfxPlugin"][::core::mem::align_of::<OfxPlugin>() - 8usize];
    [
        "Offset of field: OfxPlugin::pluginApi",
    ][::core::mem::offset_of!(OfxPlugin, pluginApi) - 0usize];
    [
        "Offset of field: OfxPlugin::apiVersion",
    ][::core::mem::offset_of!(OfxPlugin, apiVersion) - 8usize];
    [
        "Offset of field: OfxPlugin::pluginIdentifier",
    ][::core::mem::offset_of!(OfxPlugin, pluginIdentifier) - 16usize];
    [
        "Offset of field: OfxPlugin::pluginVersionMajor",
    ][::core::mem::offset_of!(OfxPlugin, pluginVersionMajor) - 24usize];
    [
        "Offset of field: OfxPlugin::pluginVersionMinor",
    ][::core::mem::offset_of!(OfxPlugin, pluginVersionMinor) - 28usize];
    [
        "Offset of field: OfxPlugin::setHost",
    ][::core::mem::offset_of!(OfxPlugin, setHost) - 32usize];
    [
        "Offset of field: OfxPlugin::mainEntry",
    ][::core::mem::offset_of!(OfxPlugin, mainEntry) - 40usize];
};
/// The property suite: reads and writes property sets, one value or the first `count` values at a time.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxPropertySuiteV1 {
    pub propSetPointer: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
    pub propSetString: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: *const ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub propSetDouble: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: f64,
        ) -> OfxStatus,
    >,
    pub propSetInt: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub propSetPointerN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *const *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
    pub propSetStringN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *const *const ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub propSetDoubleN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *const f64,
        ) -> OfxStatus,
    >,
    pub propSetIntN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *const ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub propGetPointer: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: *mut *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
    pub propGetString: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: *mut *mut ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub propGetDouble: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: *mut f64,
        ) -> OfxStatus,
    >,
    pub propGetInt: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            index: ::core::ffi::c_int,
            value: *mut ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub propGetPointerN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *mut *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
    pub propGetStringN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *mut *mut ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub propGetDoubleN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *mut f64,
        ) -> OfxStatus,
    >,
    pub propGetIntN: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: ::core::ffi::c_int,
            value: *mut ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub propReset: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub propGetDimension: ::core::option::Option<
        unsafe extern "C" fn(
            properties: OfxPropertySetHandle,
            property: *const ::core::ffi::c_char,
            count: *mut ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxPropertySuiteV1",
    ][::core::mem::size_of::<OfxPropertySuiteV1>() - 144usize];
    [
        "Alignment of OfxPropertySuiteV1",
    ][::core::mem::align_of::<OfxPropertySuiteV1>() - 8usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetPointer",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetPointer) - 0usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetString",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetString) - 8usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetDouble",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetDouble) - 16usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetInt",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetInt) - 24usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetPointerN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetPointerN) - 32usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetStringN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetStringN) - 40usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetDoubleN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetDoubleN) - 48usize];
    [
        "Offset of field: OfxPropertySuiteV1::propSetIntN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propSetIntN) - 56usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetPointer",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetPointer) - 64usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetString",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetString) - 72usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetDouble",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetDouble) - 80usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetInt",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetInt) - 88usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetPointerN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetPointerN) - 96usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetStringN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetStringN) - 104usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetDoubleN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetDoubleN) - 112usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetIntN",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetIntN) - 120usize];
    [
        "Offset of field: OfxPropertySuiteV1::propReset",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propReset) - 128usize];
    [
        "Offset of field: OfxPropertySuiteV1::propGetDimension",
    ][::core::mem::offset_of!(OfxPropertySuiteV1, propGetDimension) - 136usize];
};
/// The memory suite: memory allocated on behalf of an effect instance.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxMemorySuiteV1 {
    pub memoryAlloc: ::core::option::Option<
        unsafe extern "C" fn(
            handle: *mut ::core::ffi::c_void,
            nBytes: usize,
            allocatedData: *mut *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
    pub memoryFree: ::core::option::Option<
        unsafe extern "C" fn(allocatedData: *mut ::core::ffi::c_void) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxMemorySuiteV1"][::core::mem::size_of::<OfxMemorySuiteV1>() - 16usize];
    [
        "Alignment of OfxMemorySuiteV1",
    ][::core::mem::align_of::<OfxMemorySuiteV1>() - 8usize];
    [
        "Offset of field: OfxMemorySuiteV1::memoryAlloc",
    ][::core::mem::offset_of!(OfxMemorySuiteV1, memoryAlloc) - 0usize];
    [
        "Offset of field: OfxMemorySuiteV1::memoryFree",
    ][::core::mem::offset_of!(OfxMemorySuiteV1, memoryFree) - 8usize];
};
#[repr(C)]
#[derive(Debug)]
pub struct OfxMutex {
    _unused: [u8; 0],
}
/// A recursive mutex of the host. NULL is a valid handle in some hosts.
pub type OfxMutexHandle = *mut OfxMutex;
/// A function that is called on each of `threadMax` threads.
pub type OfxThreadFunctionV1 = ::core::option::Option<
    unsafe extern "C" fn(
        threadIndex: ::core::ffi::c_uint,
        threadMax: ::core::ffi::c_uint,
        customArg: *mut ::core::ffi::c_void,
    ),
>;
/// The multi-thread suite: the host's threads and mutexes.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxMultiThreadSuiteV1 {
    pub multiThread: ::core::option::Option<
        unsafe extern "C" fn(
            func: OfxThreadFunctionV1,
            nThreads: ::core::ffi::c_uint,
            customArg: *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
    pub multiThreadNumCPUs: ::core::option::Option<
        unsafe extern "C" fn(nCPUs: *mut ::core::ffi::c_uint) -> OfxStatus,
    >,
    pub multiThreadIndex: ::core::option::Option<
        unsafe extern "C" fn(threadIndex: *mut ::core::ffi::c_uint) -> OfxStatus,
    >,
    pub multiThreadIsSpawnedThread: ::core::option::Option<
        unsafe extern "C" fn() -> ::core::ffi::c_int,
    >,
    pub mutexCreate: ::core::option::Option<
        unsafe extern "C" fn(
            mutex: *mut OfxMutexHandle,
            lockCount: ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub mutexDestroy: ::core::option::Option<
        unsafe extern "C" fn(mutex: OfxMutexHandle) -> OfxStatus,
    >,
    pub mutexLock: ::core::option::Option<
        unsafe extern "C" fn(mutex: OfxMutexHandle) -> OfxStatus,
    >,
    pub mutexUnLock: ::core::option::Option<
        unsafe extern "C" fn(mutex: OfxMutexHandle) -> OfxStatus,
    >,
    pub mutexTryLock: ::core::option::Option<
        unsafe extern "C" fn(mutex: OfxMutexHandle) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxMultiThreadSuiteV1",
    ][::core::mem::size_of::<OfxMultiThreadSuiteV1>() - 72usize];
    [
        "Alignment of OfxMultiThreadSuiteV1",
    ][::core::mem::align_of::<OfxMultiThreadSuiteV1>() - 8usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::multiThread",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, multiThread) - 0usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::multiThreadNumCPUs",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, multiThreadNumCPUs) - 8usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::multiThreadIndex",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, multiThreadIndex) - 16usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::multiThreadIsSpawnedThread",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, multiThreadIsSpawnedThread)
        - 24usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::mutexCreate",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, mutexCreate) - 32usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::mutexDestroy",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, mutexDestroy) - 40usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::mutexLock",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, mutexLock) - 48usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::mutexUnLock",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, mutexUnLock) - 56usize];
    [
        "Offset of field: OfxMultiThreadSuiteV1::mutexTryLock",
    ][::core::mem::offset_of!(OfxMultiThreadSuiteV1, mutexTryLock) - 64usize];
};
/// The message suite, version 1: messages to the user, with printf formats.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxMessageSuiteV1 {
    pub message: ::core::option::Option<
        unsafe extern "C" fn(
            handle: *mut ::core::ffi::c_void,
            messageType: *const ::core::ffi::c_char,
            messageId: *const ::core::ffi::c_char,
            format: *const ::core::ffi::c_char,
            ...
        ) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxMessageSuiteV1"][::core::mem::size_of::<OfxMessageSuiteV1>() - 8usize];
    [
        "Alignment of OfxMessageSuiteV1",
    ][::core::mem::align_of::<OfxMessageSuiteV1>() - 8usize];
    [
        "Offset of field: OfxMessageSuiteV1::message",
    ][::core::mem::offset_of!(OfxMessageSuiteV1, message) - 0usize];
};
/// The message suite, version 2: also a persistent message, which stays on the effect until it is cleared.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxMessageSuiteV2 {
    pub message: ::core::option::Option<
        unsafe extern "C" fn(
            handle: *mut ::core::ffi::c_void,
            messageType: *const ::core::ffi::c_char,
            messageId: *const ::core::ffi::c_char,
            format: *const ::core::ffi::c_char,
            ...
        ) -> OfxStatus,
    >,
    pub setPersistentMessage: ::core::option::Option<
        unsafe extern "C" fn(
            handle: *mut ::core::ffi::c_void,
            messageType: *const ::core::ffi::c_char,
            messageId: *const ::core::ffi::c_char,
            format: *const ::core::ffi::c_char,
            ...
        ) -> OfxStatus,
    >,
    pub clearPersistentMessage: ::core::option::Option<
        unsafe extern "C" fn(handle: *mut ::core::ffi::c_void) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxMessageSuiteV2"][::core::mem::size_of::<OfxMessageSuiteV2>() - 24usize];
    [
        "Alignment of OfxMessageSuiteV2",
    ][::core::mem::align_of::<OfxMessageSuiteV2>() - 8usize];
    [
        "Offset of field: OfxMessageSuiteV2::message",
    ][::core::mem::offset_of!(OfxMessageSuiteV2, message) - 0usize];
    [
        "Offset of field: OfxMessageSuiteV2::setPersistentMessage",
    ][::core::mem::offset_of!(OfxMessageSuiteV2, setPersistentMessage) - 8usize];
    [
        "Offset of field: OfxMessageSuiteV2::clearPersistentMessage",
    ][::core::mem::offset_of!(OfxMessageSuiteV2, clearPersistentMessage) - 16usize];
};
/// The progress suite, version 1: a progress bar that the user can cancel.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxProgressSuiteV1 {
    pub progressStart: ::core::option::Option<
        unsafe extern "C" fn(
            effectInstance: *mut ::core::ffi::c_void,
            label: *const ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub progressUpdate: ::core::option::Option<
        unsafe extern "C" fn(
            effectInstance: *mut ::core::ffi::c_void,
            progress: f64,
        ) -> OfxStatus,
    >,
    pub progressEnd: ::core::option::Option<
        unsafe extern "C" fn(effectInstance: *mut ::core::ffi::c_void) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxProgressSuiteV1",
    ][::core::mem::size_of::<OfxProgressSuiteV1>() - 24usize];
    [
        "Alignment of OfxProgressSuiteV1",
    ][::core::mem::align_of::<OfxProgressSuiteV1>() - 8usize];
    [
        "Offset of field: OfxProgressSuiteV1::progressStart",
    ][::core::mem::offset_of!(OfxProgressSuiteV1, progressStart) - 0usize];
    [
        "Offset of field: OfxProgressSuiteV1::progressUpdate",
    ][::core::mem::offset_of!(OfxProgressSuiteV1, progressUpdate) - 8usize];
    [
        "Offset of field: OfxProgressSuiteV1::progressEnd",
    ][::core::mem::offset_of!(OfxProgressSuiteV1, progressEnd) - 16usize];
};
/// The progress suite, version 2: the message also has an identifier, by which a host may translate or remember it.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxProgressSuiteV2 {
    pub progressStart: ::core::option::Option<
        unsafe extern "C" fn(
            effectInstance: *mut ::core::ffi::c_void,
            message: *const ::core::ffi::c_char,
            messageid: *const ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub progressUpdate: ::core::option::Option<
        unsafe extern "C" fn(
            effectInstance: *mut ::core::ffi::c_void,
            progress: f64,
        ) -> OfxStatus,
    >,
    pub progressEnd: ::core::option::Option<
        unsafe extern "C" fn(effectInstance: *mut ::core::ffi::c_void) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxProgressSuiteV2",
    ][::core::mem::size_of::<OfxProgressSuiteV2>() - 24usize];
    [
        "Alignment of OfxProgressSuiteV2",
    ][::core::mem::align_of::<OfxProgressSuiteV2>() - 8usize];
    [
        "Offset of field: OfxProgressSuiteV2::progressStart",
    ][::core::mem::offset_of!(OfxProgressSuiteV2, progressStart) - 0usize];
    [
        "Offset of field: OfxProgressSuiteV2::progressUpdate",
    ][::core::mem::offset_of!(OfxProgressSuiteV2, progressUpdate) - 8usize];
    [
        "Offset of field: OfxProgressSuiteV2::progressEnd",
    ][::core::mem::offset_of!(OfxProgressSuiteV2, progressEnd) - 16usize];
};
/// The time line suite: the current time and the range of the time line.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxTimeLineSuiteV1 {
    pub getTime: ::core::option::Option<
        unsafe extern "C" fn(
            instance: *mut ::core::ffi::c_void,
            time: *mut f64,
        ) -> OfxStatus,
    >,
    pub gotoTime: ::core::option::Option<
        unsafe extern "C" fn(instance: *mut ::core::ffi::c_void, time: f64) -> OfxStatus,
    >,
    pub getTimeBounds: ::core::option::Option<
        unsafe extern "C" fn(
            instance: *mut ::core::ffi::c_void,
            firstTime: *mut f64,
            lastTime: *mut f64,
        ) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxTimeLineSuiteV1",
    ][::core::mem::size_of::<OfxTimeLineSuiteV1>() - 24usize];
    [
        "Alignment of OfxTimeLineSuiteV1",
    ][::core::mem::align_of::<OfxTimeLineSuiteV1>() - 8usize];
    [
        "Offset of field: OfxTimeLineSuiteV1::getTime",
    ][::core::mem::offset_of!(OfxTimeLineSuiteV1, getTime) - 0usize];
    [
        "Offset of field: OfxTimeLineSuiteV1::gotoTime",
    ][::core::mem::offset_of!(OfxTimeLineSuiteV1, gotoTime) - 8usize];
    [
        "Offset of field: OfxTimeLineSuiteV1::getTimeBounds",
    ][::core::mem::offset_of!(OfxTimeLineSuiteV1, getTimeBounds) - 16usize];
};
#[repr(C)]
#[derive(Debug)]
pub struct OfxParamStruct {
    _unused: [u8; 0],
}
/// One parameter of an instance.
pub type OfxParamHandle = *mut OfxParamStruct;
#[repr(C)]
#[derive(Debug)]
pub struct OfxParamSetStruct {
    _unused: [u8; 0],
}
/// The parameters of a descriptor or of an instance.
pub type OfxParamSetHandle = *mut OfxParamSetStruct;
/// The value of a Bytes parameter.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxBytes {
    pub data: *const ::core::ffi::c_uchar,
    pub length: usize,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of OfxBytes"][::core::mem::size_of::<OfxBytes>() - 16usize];
    ["Alignment of OfxBytes"][::core::mem::align_of::<OfxBytes>() - 8usize];
    [
        "Offset of field: OfxBytes::data",
    ][::core::mem::offset_of!(OfxBytes, data) - 0usize];
    [
        "Offset of field: OfxBytes::length",
    ][::core::mem::offset_of!(OfxBytes, length) - 8usize];
};
/// Interpolates a custom parameter between two of its keys.
pub type OfxCustomParamInterpFuncV1 = ::core::option::Option<
    unsafe extern "C" fn(
        instance: OfxParamSetHandle,
        inArgs: OfxPropertySetHandle,
        outArgs: OfxPropertySetHandle,
    ) -> OfxStatus,
>;
/// The parameter suite: defines parameters, reads and writes their values and keys. The `...` is one pointer (get) or one value (set) for each dimension.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxParameterSuiteV1 {
    pub paramDefine: ::core::option::Option<
        unsafe extern "C" fn(
            paramSet: OfxParamSetHandle,
            paramType: *const ::core::ffi::c_char,
            name: *const ::core::ffi::c_char,
            propertySet: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub paramGetHandle: ::core::option::Option<
        unsafe extern "C" fn(
            paramSet: OfxParamSetHandle,
            name: *const ::core::ffi::c_char,
            param: *mut OfxParamHandle,
            propertySet: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub paramSetGetPropertySet: ::core::option::Option<
        unsafe extern "C" fn(
            paramSet: OfxParamSetHandle,
            propHandle: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub paramGetPropertySet: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            propHandle: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub paramGetValue: ::core::option::Option<
        unsafe extern "C" fn(paramHandle: OfxParamHandle, ...) -> OfxStatus,
    >,
    pub paramGetValueAtTime: ::core::option::Option<
        unsafe extern "C" fn(
            paramHandle: OfxParamHandle,
            time: OfxTime,
            ...
        ) -> OfxStatus,
    >,
    pub paramGetDerivative: ::core::option::Option<
        unsafe extern "C" fn(
            paramHandle: OfxParamHandle,
            time: OfxTime,
            ...
        ) -> OfxStatus,
    >,
    pub paramGetIntegral: ::core::option::Option<
        unsafe extern "C" fn(
            paramHandle: OfxParamHandle,
            time1: OfxTime,
            time2: OfxTime,
            ...
        ) -> OfxStatus,
    >,
    pub paramSetValue: ::core::option::Option<
        unsafe extern "C" fn(paramHandle: OfxParamHandle, ...) -> OfxStatus,
    >,
    pub paramSetValueAtTime: ::core::option::Option<
        unsafe extern "C" fn(
            paramHandle: OfxParamHandle,
            time: OfxTime,
            ...
        ) -> OfxStatus,
    >,
    pub paramGetNumKeys: ::core::option::Option<
        unsafe extern "C" fn(
            paramHandle: OfxParamHandle,
            numberOfKeys: *mut ::core::ffi::c_uint,
        ) -> OfxStatus,
    >,
    pub paramGetKeyTime: ::core::option::Option<
        unsafe extern "C" fn(
            paramHandle: OfxParamHandle,
            nthKey: ::core::ffi::c_uint,
            time: *mut OfxTime,
        ) -> OfxStatus,
    >,
    pub paramGetKeyIndex: ::core::option::Option<
        unsafe extern "C" fn(
            paramHandle: OfxParamHandle,
            time: OfxTime,
            direction: ::core::ffi::c_int,
            index: *mut ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub paramDeleteKey: ::core::option::Option<
        unsafe extern "C" fn(paramHandle: OfxParamHandle, time: OfxTime) -> OfxStatus,
    >,
    pub paramDeleteAllKeys: ::core::option::Option<
        unsafe extern "C" fn(paramHandle: OfxParamHandle) -> OfxStatus,
    >,
    pub paramCopy: ::core::option::Option<
        unsafe extern "C" fn(
            paramTo: OfxParamHandle,
            paramFrom: OfxParamHandle,
            dstOffset: OfxTime,
            frameRange: *const OfxRangeD,
        ) -> OfxStatus,
    >,
    pub paramEditBegin: ::core::option::Option<
        unsafe extern "C" fn(
            paramSet: OfxParamSetHandle,
            name: *const ::core::ffi::c_char,
        ) -> OfxStatus,
    >,
    pub paramEditEnd: ::core::option::Option<
        unsafe extern "C" fn(paramSet: OfxParamSetHandle) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxParameterSuiteV1",
    ][::core::mem::size_of::<OfxParameterSuiteV1>() - 144usize];
    [
        "Alignment of OfxParameterSuiteV1",
    ][::core::mem::align_of::<OfxParameterSuiteV1>() - 8usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramDefine",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramDefine) - 0usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetHandle",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetHandle) - 8usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramSetGetPropertySet",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramSetGetPropertySet) - 16usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetPropertySet",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetPropertySet) - 24usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetValue",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetValue) - 32usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetValueAtTime",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetValueAtTime) - 40usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetDerivative",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetDerivative) - 48usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetIntegral",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetIntegral) - 56usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramSetValue",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramSetValue) - 64usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramSetValueAtTime",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramSetValueAtTime) - 72usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetNumKeys",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetNumKeys) - 80usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetKeyTime",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetKeyTime) - 88usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramGetKeyIndex",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramGetKeyIndex) - 96usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramDeleteKey",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramDeleteKey) - 104usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramDeleteAllKeys",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramDeleteAllKeys) - 112usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramCopy",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramCopy) - 120usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramEditBegin",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramEditBegin) - 128usize];
    [
        "Offset of field: OfxParameterSuiteV1::paramEditEnd",
    ][::core::mem::offset_of!(OfxParameterSuiteV1, paramEditEnd) - 136usize];
};
/// The parametric parameter suite: curves as parameters.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxParametricParameterSuiteV1 {
    pub parametricParamGetValue: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            curveIndex: ::core::ffi::c_int,
            time: OfxTime,
            parametricPosition: f64,
            returnValue: *mut f64,
        ) -> OfxStatus,
    >,
    pub parametricParamGetNControlPoints: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            curveIndex: ::core::ffi::c_int,
            time: f64,
            returnValue: *mut ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub parametricParamGetNthControlPoint: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            curveIndex: ::core::ffi::c_int,
            time: f64,
            nthCtl: ::core::ffi::c_int,
            key: *mut f64,
            value: *mut f64,
        ) -> OfxStatus,
    >,
    pub parametricParamSetNthControlPoint: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            curveIndex: ::core::ffi::c_int,
            time: f64,
            nthCtl: ::core::ffi::c_int,
            key: f64,
            value: f64,
            addAnimationKey: bool,
        ) -> OfxStatus,
    >,
    pub parametricParamAddControlPoint: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            curveIndex: ::core::ffi::c_int,
            time: f64,
            key: f64,
            value: f64,
            addAnimationKey: bool,
        ) -> OfxStatus,
    >,
    pub parametricParamDeleteControlPoint: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            curveIndex: ::core::ffi::c_int,
            nthCtl: ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
    pub parametricParamDeleteAllControlPoints: ::core::option::Option<
        unsafe extern "C" fn(
            param: OfxParamHandle,
            curveIndex: ::core::ffi::c_int,
        ) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxParametricParameterSuiteV1",
    ][::core::mem::size_of::<OfxParametricParameterSuiteV1>() - 56usize];
    [
        "Alignment of OfxParametricParameterSuiteV1",
    ][::core::mem::align_of::<OfxParametricParameterSuiteV1>() - 8usize];
    [
        "Offset of field: OfxParametricParameterSuiteV1::parametricParamGetValue",
    ][::core::mem::offset_of!(OfxParametricParameterSuiteV1, parametricParamGetValue)
        - 0usize];
    [
        "Offset of field: OfxParametricParameterSuiteV1::parametricParamGetNControlPoints",
    ][::core::mem::offset_of!(
        OfxParametricParameterSuiteV1, parametricParamGetNControlPoints
    ) - 8usize];
    [
        "Offset of field: OfxParametricParameterSuiteV1::parametricParamGetNthControlPoint",
    ][::core::mem::offset_of!(
        OfxParametricParameterSuiteV1, parametricParamGetNthControlPoint
    ) - 16usize];
    [
        "Offset of field: OfxParametricParameterSuiteV1::parametricParamSetNthControlPoint",
    ][::core::mem::offset_of!(
        OfxParametricParameterSuiteV1, parametricParamSetNthControlPoint
    ) - 24usize];
    [
        "Offset of field: OfxParametricParameterSuiteV1::parametricParamAddControlPoint",
    ][::core::mem::offset_of!(
        OfxParametricParameterSuiteV1, parametricParamAddControlPoint
    ) - 32usize];
    [
        "Offset of field: OfxParametricParameterSuiteV1::parametricParamDeleteControlPoint",
    ][::core::mem::offset_of!(
        OfxParametricParameterSuiteV1, parametricParamDeleteControlPoint
    ) - 40usize];
    [
        "Offset of field: OfxParametricParameterSuiteV1::parametricParamDeleteAllControlPoints",
    ][::core::mem::offset_of!(
        OfxParametricParameterSuiteV1, parametricParamDeleteAllControlPoints
    ) - 48usize];
};
#[repr(C)]
#[derive(Debug)]
pub struct OfxImageEffectStruct {
    _unused: [u8; 0],
}
/// An effect: a descriptor or an instance.
pub type OfxImageEffectHandle = *mut OfxImageEffectStruct;
#[repr(C)]
#[derive(Debug)]
pub struct OfxImageClipStruct {
    _unused: [u8; 0],
}
/// An input or the output of an instance.
pub type OfxImageClipHandle = *mut OfxImageClipStruct;
#[repr(C)]
#[derive(Debug)]
pub struct OfxImageMemoryStruct {
    _unused: [u8; 0],
}
/// A block of memory for images, allocated by the host.
pub type OfxImageMemoryHandle = *mut OfxImageMemoryStruct;
/// The image effect suite: descriptors, instances, clips and images.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxImageEffectSuiteV1 {
    pub getPropertySet: ::core::option::Option<
        unsafe extern "C" fn(
            imageEffect: OfxImageEffectHandle,
            propHandle: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub getParamSet: ::core::option::Option<
        unsafe extern "C" fn(
            imageEffect: OfxImageEffectHandle,
            paramSet: *mut OfxParamSetHandle,
        ) -> OfxStatus,
    >,
    pub clipDefine: ::core::option::Option<
        unsafe extern "C" fn(
            imageEffect: OfxImageEffectHandle,
            name: *const ::core::ffi::c_char,
            propertySet: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub clipGetHandle: ::core::option::Option<
        unsafe extern "C" fn(
            imageEffect: OfxImageEffectHandle,
            name: *const ::core::ffi::c_char,
            clip: *mut OfxImageClipHandle,
            propertySet: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub clipGetPropertySet: ::core::option::Option<
        unsafe extern "C" fn(
            clip: OfxImageClipHandle,
            propHandle: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub clipGetImage: ::core::option::Option<
        unsafe extern "C" fn(
            clip: OfxImageClipHandle,
            time: OfxTime,
            region: *const OfxRectD,
            imageHandle: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub clipReleaseImage: ::core::option::Option<
        unsafe extern "C" fn(imageHandle: OfxPropertySetHandle) -> OfxStatus,
    >,
    pub clipGetRegionOfDefinition: ::core::option::Option<
        unsafe extern "C" fn(
            clip: OfxImageClipHandle,
            time: OfxTime,
            bounds: *mut OfxRectD,
        ) -> OfxStatus,
    >,
    pub abort: ::core::option::Option<
        unsafe extern "C" fn(imageEffect: OfxImageEffectHandle) -> ::core::ffi::c_int,
    >,
    pub imageMemoryAlloc: ::core::option::Option<
        unsafe extern "C" fn(
            instanceHandle: OfxImageEffectHandle,
            nBytes: usize,
            memoryHandle: *mut OfxImageMemoryHandle,
        ) -> OfxStatus,
    >,
    pub imageMemoryFree: ::core::option::Option<
        unsafe extern "C" fn(memoryHandle: OfxImageMemoryHandle) -> OfxStatus,
    >,
    pub imageMemoryLock: ::core::option::Option<
        unsafe extern "C" fn(
            memoryHandle: OfxImageMemoryHandle,
            returnedPtr: *mut *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
    pub imageMemoryUnlock: ::core::option::Option<
        unsafe extern "C" fn(memoryHandle: OfxImageMemoryHandle) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxImageEffectSuiteV1",
    ][::core::mem::size_of::<OfxImageEffectSuiteV1>() - 104usize];
    [
        "Alignment of OfxImageEffectSuiteV1",
    ][::core::mem::align_of::<OfxImageEffectSuiteV1>() - 8usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::getPropertySet",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, getPropertySet) - 0usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::getParamSet",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, getParamSet) - 8usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::clipDefine",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, clipDefine) - 16usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::clipGetHandle",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, clipGetHandle) - 24usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::clipGetPropertySet",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, clipGetPropertySet) - 32usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::clipGetImage",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, clipGetImage) - 40usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::clipReleaseImage",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, clipReleaseImage) - 48usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::clipGetRegionOfDefinition",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, clipGetRegionOfDefinition)
        - 56usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::abort",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, abort) - 64usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::imageMemoryAlloc",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, imageMemoryAlloc) - 72usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::imageMemoryFree",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, imageMemoryFree) - 80usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::imageMemoryLock",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, imageMemoryLock) - 88usize];
    [
        "Offset of field: OfxImageEffectSuiteV1::imageMemoryUnlock",
    ][::core::mem::offset_of!(OfxImageEffectSuiteV1, imageMemoryUnlock) - 96usize];
};
/// The OpenGL render suite: clips as OpenGL textures.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxImageEffectOpenGLRenderSuiteV1 {
    pub clipLoadTexture: ::core::option::Option<
        unsafe extern "C" fn(
            clip: OfxImageClipHandle,
            time: OfxTime,
            format: *const ::core::ffi::c_char,
            region: *const OfxRectD,
            textureHandle: *mut OfxPropertySetHandle,
        ) -> OfxStatus,
    >,
    pub clipFreeTexture: ::core::option::Option<
        unsafe extern "C" fn(textureHandle: OfxPropertySetHandle) -> OfxStatus,
    >,
    pub flushResources: ::core::option::Option<unsafe extern "C" fn() -> OfxStatus>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxImageEffectOpenGLRenderSuiteV1",
    ][::core::mem::size_of::<OfxImageEffectOpenGLRenderSuiteV1>() - 24usize];
    [
        "Alignment of OfxImageEffectOpenGLRenderSuiteV1",
    ][::core::mem::align_of::<OfxImageEffectOpenGLRenderSuiteV1>() - 8usize];
    [
        "Offset of field: OfxImageEffectOpenGLRenderSuiteV1::clipLoadTexture",
    ][::core::mem::offset_of!(OfxImageEffectOpenGLRenderSuiteV1, clipLoadTexture)
        - 0usize];
    [
        "Offset of field: OfxImageEffectOpenGLRenderSuiteV1::clipFreeTexture",
    ][::core::mem::offset_of!(OfxImageEffectOpenGLRenderSuiteV1, clipFreeTexture)
        - 8usize];
    [
        "Offset of field: OfxImageEffectOpenGLRenderSuiteV1::flushResources",
    ][::core::mem::offset_of!(OfxImageEffectOpenGLRenderSuiteV1, flushResources)
        - 16usize];
};
/// The OpenCL program suite: compiles programs through the host, which may cache them.
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct OfxOpenCLProgramSuiteV1 {
    pub compileProgram: ::core::option::Option<
        unsafe extern "C" fn(
            pszProgramSource: *const ::core::ffi::c_char,
            fOptional: ::core::ffi::c_int,
            pResult: *mut ::core::ffi::c_void,
        ) -> OfxStatus,
    >,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    [
        "Size of OfxOpenCLProgramSuiteV1",
    ][::core::mem::size_of::<OfxOpenCLProgramSuiteV1>() - 8usize];
    [
        "Alignment of OfxOpenCLProgramSuiteV1",
    ][::core::mem::align_of::<OfxOpenCLProgramSuiteV1>() - 8usize];
    [
        "Offset of field: OfxOpenCLProgramSuiteV1::compileProgram",
    ][::core::mem::offset_of!(OfxOpenCLProgramSuiteV1, compileProgram) - 0usize];
};
