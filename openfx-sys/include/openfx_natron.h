/*
 * What Natron adds to OpenFX, as far as an effect needs it to know where it is.
 */
#ifndef OPENFX_SYS_NATRON_H
#define OPENFX_SYS_NATRON_H

/* Of the host: 1 in Natron, whatever name it goes by. */
#define kNatronOfxHostIsNatron "NatronOfxHostIsNatron"

/* Of the host: 1 if options of a choice may change after the description. */
#define kNatronOfxParamHostPropSupportsDynamicChoices "NatronOfxParamHostPropSupportsDynamicChoices"

#endif
