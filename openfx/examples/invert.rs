//! A complete effect that inverts 8-bit images. Build the library (`cargo build -p openfx --example invert`)
//! and put it into the binaries folder of a bundle to load it into a host.

use openfx::{
    ClipDef, Components, Context, ContextDescriptor, Depth, Effect, EffectDescriptor, Error, InstanceHandle,
    PluginId, RenderArgs, RenderHandle, Result,
};

/// The effect type that implements [`Effect`].
pub struct Invert;

impl Effect for Invert {
    type Instance = ();

    fn identity() -> PluginId {
        PluginId { identifier: c"org.example.Invert", major: 1, minor: 0 }
    }

    fn describe(effect: &mut EffectDescriptor<'_>) -> Result<()> {
        effect.label("Invert");
        effect.contexts(&[Context::Filter])?;
        effect.depths(&[Depth::Byte])
    }

    fn describe_in_context(effect: &mut ContextDescriptor<'_>, _: Context) -> Result<()> {
        ["Source", "Output"].into_iter().try_for_each(|name| {
            effect.clip(&ClipDef {
                name,
                label: name,
                components: &[Components::Rgb],
                optional: false,
                mask: false,
                temporal_access: false,
                tiles: false,
            })
        })
    }

    fn create(_: &InstanceHandle<'_>) -> Result<()> {
        Ok(())
    }

    fn render(_: &(), handle: &RenderHandle<'_>, args: &RenderArgs) -> Result<()> {
        let source = handle.clip("Source");
        let image = handle.image(&source, args.time)?.ok_or_else(|| Error::failed("there is no picture"))?;
        let mut output = handle.output(args.time)?;
        let window = args.window.unwrap_or(output.info().bounds);
        for y in window.y1..window.y2 {
            if let (Some(from), Some(to)) = (image.row(y), output.row_mut(y)) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = !from);
            }
        }
        Ok(())
    }
}

openfx::export!(Invert);
