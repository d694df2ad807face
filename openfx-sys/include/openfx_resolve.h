/*
 * What DaVinci Resolve adds to OpenFX and 1.5 did not take in: names that its public
 * samples and open-source effects use. The GPU properties that began there are in
 * openfx_gpu.h, where 1.5 has them under the same names.
 */
#ifndef OPENFX_SYS_RESOLVE_H
#define OPENFX_SYS_RESOLVE_H

/* Of an instance, readable while it is created: "Edit", "Color" or "Fusion". */
#define kOfxImageEffectPropResolvePage "OfxImageEffectPropResolvePage"

/* Of a clip: 1 while a thumbnail is rendered. The value does begin with a k. */
#define kOfxImageClipPropThumbnail "kOfxImageClipPropThumbnail"

#endif
