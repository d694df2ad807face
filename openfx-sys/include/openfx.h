/*
 * OpenFX 1.5, as far as this project uses it. Not included, because
 * nothing here draws or opens a dialog: interacts, the draw suite, key symbols,
 * the dialog suite.
 */
#ifndef OPENFX_SYS_H
#define OPENFX_SYS_H

#include "openfx_core.h"
#include "openfx_property.h"
#include "openfx_services.h"
#include "openfx_param.h"
#include "openfx_image_effect.h"
#include "openfx_gpu.h"
#include "openfx_colour.h"
#include "openfx_resolve.h"
#include "openfx_natron.h"

#endif
