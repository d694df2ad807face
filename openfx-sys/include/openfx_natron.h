/*
 * Extensions of OpenFX by Natron, some of them adopted from Nuke: those that identify
 * the host and lay out parameters.
 */
#ifndef OPENFX_SYS_NATRON_H
#define OPENFX_SYS_NATRON_H

/* Property of the host: 1 in Natron, whatever its name. */
#define kNatronOfxHostIsNatron "NatronOfxHostIsNatron"

/* Property of the host: 1 if options of a choice may change after the description. */
#define kNatronOfxParamHostPropSupportsDynamicChoices "NatronOfxParamHostPropSupportsDynamicChoices"

/* Property of a parameter: placement of the next parameter. */
#define kOfxParamPropLayoutHint          "OfxParamPropLayoutHint"
#define kOfxParamPropLayoutHintNormal    0
#define kOfxParamPropLayoutHintDivider   1
#define kOfxParamPropLayoutHintNoNewLine 2

#endif
