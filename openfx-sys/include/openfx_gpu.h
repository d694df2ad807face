/*
 * OpenFX 1.5: pictures on the GPU - OpenGL, CUDA, Metal and OpenCL.
 * Written for this project; see openfx_core.h.
 */
#ifndef OPENFX_SYS_GPU_H
#define OPENFX_SYS_GPU_H

#include "openfx_image_effect.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether images may also be in main memory. */
#define kOfxImageEffectPropCPURenderSupported "OfxImageEffectPropCPURenderSupported"

/* Status codes; the GL names are the older ones for the same two. */
#define kOfxStatGPUOutOfMemory  1001
#define kOfxStatGPURenderFailed 1002
#define kOfxStatGLOutOfMemory   1001
#define kOfxStatGLRenderFailed  1002

/* OpenGL. */
#define kOfxImageEffectPropOpenGLRenderSupported "OfxImageEffectPropOpenGLRenderSupported"
#define kOfxImageEffectPropOpenGLEnabled         "OfxImageEffectPropOpenGLEnabled"
#define kOfxImageEffectPropOpenGLTextureIndex    "OfxImageEffectPropOpenGLTextureIndex"
#define kOfxImageEffectPropOpenGLTextureTarget   "OfxImageEffectPropOpenGLTextureTarget"
#define kOfxOpenGLPropPixelDepth                 "OfxOpenGLPropPixelDepth"
#define kOfxActionOpenGLContextAttached          "OfxActionOpenGLContextAttached"
#define kOfxActionOpenGLContextDetached          "kOfxActionOpenGLContextDetached"

/* CUDA. With Enabled set, kOfxImagePropData is a device pointer. */
#define kOfxImageEffectPropCudaRenderSupported "OfxImageEffectPropCudaRenderSupported"
#define kOfxImageEffectPropCudaEnabled         "OfxImageEffectPropCudaEnabled"
#define kOfxImageEffectPropCudaStreamSupported "OfxImageEffectPropCudaStreamSupported"
#define kOfxImageEffectPropCudaStream          "OfxImageEffectPropCudaStream"

/* Metal. */
#define kOfxImageEffectPropMetalRenderSupported "OfxImageEffectPropMetalRenderSupported"
#define kOfxImageEffectPropMetalEnabled         "OfxImageEffectPropMetalEnabled"
#define kOfxImageEffectPropMetalCommandQueue    "OfxImageEffectPropMetalCommandQueue"

/* OpenCL, as buffers or as images. */
#define kOfxImageEffectPropOpenCLRenderSupported "OfxImageEffectPropOpenCLRenderSupported"
#define kOfxImageEffectPropOpenCLSupported       "OfxImageEffectPropOpenCLSupported"
#define kOfxImageEffectPropOpenCLEnabled         "OfxImageEffectPropOpenCLEnabled"
#define kOfxImageEffectPropOpenCLCommandQueue    "OfxImageEffectPropOpenCLCommandQueue"
#define kOfxImageEffectPropOpenCLImage           "OfxImageEffectPropOpenCLImage"

#define kOfxOpenGLRenderSuite "OfxImageEffectOpenGLRenderSuite"

/** The OpenGL render suite: clips as OpenGL textures. */
typedef struct OfxImageEffectOpenGLRenderSuiteV1 {
    OfxStatus (*clipLoadTexture)(OfxImageClipHandle clip, OfxTime time, const char *format, const OfxRectD *region,
                                 OfxPropertySetHandle *textureHandle);
    OfxStatus (*clipFreeTexture)(OfxPropertySetHandle textureHandle);
    OfxStatus (*flushResources)(void);
} OfxImageEffectOpenGLRenderSuiteV1;

#define kOfxOpenCLProgramSuite "OfxOpenCLProgramSuite"

/** The OpenCL program suite: compiles programs through the host, which may cache them. */
typedef struct OfxOpenCLProgramSuiteV1 {
    OfxStatus (*compileProgram)(const char *pszProgramSource, int fOptional, void *pResult);
} OfxOpenCLProgramSuiteV1;

#ifdef __cplusplus
}
#endif

#endif
