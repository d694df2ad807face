/*
 * Extensions of OpenFX by DaVinci Resolve that 1.5 did not adopt: names used by its
 * public samples and by open-source effects. GPU properties that originated there are in
 * openfx_gpu.h, because 1.5 adopted them under the same names.
 */
#ifndef OPENFX_SYS_RESOLVE_H
#define OPENFX_SYS_RESOLVE_H

/* Property of an instance, readable while it is created: "Edit", "Color" or "Fusion". */
#define kOfxImageEffectPropResolvePage "OfxImageEffectPropResolvePage"

/* Property of a clip: 1 while a thumbnail is rendered. The string really starts with a k. */
#define kOfxImageClipPropThumbnail "kOfxImageClipPropThumbnail"

#endif
