/*
 * What Natron adds to OpenFX, or took over from Nuke, as far as an effect needs it to
 * know where it is and to lay out its parameters.
 */
#ifndef OPENFX_SYS_NATRON_H
#define OPENFX_SYS_NATRON_H

/* Of the host: 1 in Natron, whatever name it goes by. */
#define kNatronOfxHostIsNatron "NatronOfxHostIsNatron"

/* Of the host: 1 if options of a choice may change after the description. */
#define kNatronOfxParamHostPropSupportsDynamicChoices "NatronOfxParamHostPropSupportsDynamicChoices"

/* Of a parameter: how the next one follows it. */
#define kOfxParamPropLayoutHint          "OfxParamPropLayoutHint"
#define kOfxParamPropLayoutHintNormal    0
#define kOfxParamPropLayoutHintDivider   1
#define kOfxParamPropLayoutHintNoNewLine 2

#endif
