//! Tests of the layer with a host in the same process that has the faults of real hosts.

mod host;
mod life;
mod pictures;
mod suites;
mod values;

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::rc::Rc;

use openfx_sys::*;

use self::host::{handle, host, reset};
use self::suites::record;
use super::entry::{Exported, get_plugin};
use super::*;

/// What a test does during a render of the effect.
type Rendering = dyn Fn(&RenderHandle<'_>, &RenderArgs) -> Result<()>;
type Editing = dyn Fn(&EditHandle<'_>, &Change) -> Result<Handled>;
type Describing = dyn Fn(&mut ContextDescriptor<'_>, Context) -> Result<()>;

#[derive(Clone, Default)]
struct Script {
    render: Option<Rc<Rendering>>,
    changed: Option<Rc<Editing>>,
    in_context: Option<Rc<Describing>>,
    refuse_to_create: bool,
    identity: Option<Result<Option<Identity>>>,
}

thread_local! {
    static SCRIPT: RefCell<Script> = RefCell::default();
    /// The recorded events, in order.
    static LOG: RefCell<Vec<String>> = RefCell::default();
}

fn script(change: impl FnOnce(&mut Script)) {
    SCRIPT.with_borrow_mut(change);
}

fn note(line: impl Into<String>) {
    LOG.with_borrow_mut(|log| log.push(line.into()));
}

fn notes() -> Vec<String> {
    LOG.take()
}

/// Clears the state of an earlier test on this thread.
fn forget() {
    SCRIPT.take();
    LOG.take();
    MADE.take();
}

/// An effect that runs the test's script. Each test uses its own type, distinguished by number, because an
/// effect has one host at a time and tests run in parallel.
struct Probe<const N: usize>;

struct ProbeInstance(usize);

impl Drop for ProbeInstance {
    fn drop(&mut self) {
        note(format!("dropped {}", self.0));
    }
}

thread_local! {
    static MADE: RefCell<usize> = const { RefCell::new(0) };
}

impl<const N: usize> Effect for Probe<N> {
    type Instance = ProbeInstance;

    fn identity() -> PluginId {
        PluginId { identifier: c"org.example.probe", major: 1, minor: 2 }
    }

    fn load(host: &HostRecord) -> Result<()> {
        note(format!("load {}", host.name));
        Ok(())
    }

    fn unload() {
        note("unload");
    }

    fn describe(effect: &mut EffectDescriptor<'_>) -> Result<()> {
        effect.label("Probe");
        effect.description("A probe", "1.2");
        effect.contexts(&[Context::Filter, Context::General])?;
        effect.depths(&[Depth::Float, Depth::Byte])?;
        effect.temporal_access(true);
        Ok(())
    }

    fn describe_in_context(effect: &mut ContextDescriptor<'_>, context: Context) -> Result<()> {
        note(format!("context {context:?}"));
        let script = SCRIPT.with_borrow(Clone::clone);
        script.in_context.map_or(Ok(()), |then| then(effect, context))
    }

    fn create(_handle: &InstanceHandle<'_>) -> Result<ProbeInstance> {
        if SCRIPT.with_borrow(|script| script.refuse_to_create) {
            return Err(Error::failed("cannot: 100% full"));
        }
        let number = MADE.with_borrow_mut(|made| {
            *made += 1;
            *made
        });
        note(format!("created {number}"));
        Ok(ProbeInstance(number))
    }

    fn render(instance: &ProbeInstance, handle: &RenderHandle<'_>, args: &RenderArgs) -> Result<()> {
        note(format!("render {} at {}", instance.0, args.time));
        let script = SCRIPT.with_borrow(Clone::clone);
        script.render.map_or(Ok(()), |then| then(handle, args))
    }

    fn is_identity(
        _instance: &ProbeInstance,
        _handle: &InstanceHandle<'_>,
        _args: &IdentityArgs,
    ) -> Result<Option<Identity>> {
        let answer = SCRIPT.with_borrow(|script| script.identity.clone());
        answer.unwrap_or(Ok(None))
    }

    fn frames_needed(
        _instance: &ProbeInstance,
        _handle: &InstanceHandle<'_>,
        time: f64,
        answer: &mut FramesNeeded<'_>,
    ) -> Result<()> {
        answer.clip("Source", &[(time - 1.0, time + 1.0), (10.0, 12.0)])
    }

    fn clip_preferences(
        _instance: &ProbeInstance,
        _handle: &InstanceHandle<'_>,
        answer: &mut ClipPreferences<'_>,
    ) -> Result<()> {
        answer.frame_varying(true);
        Ok(())
    }

    fn instance_changed(
        _instance: &ProbeInstance,
        handle: &EditHandle<'_>,
        change: &Change,
    ) -> Result<Handled> {
        note(format!("changed {}", change.name));
        let script = SCRIPT.with_borrow(Clone::clone);
        script.changed.map_or(Ok(Handled::No), |then| then(handle, change))
    }
}

/// Defines the static state of the numbered probes.
macro_rules! probes {
    ($($number:literal)*) => { $(crate::host_effect!(Probe<$number>);)* };
}
probes!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29);
probes!(30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46);

/// Sends an action through the C entry.
fn send<const N: usize>(action: &CStr, effect: Option<usize>, args: (usize, usize)) -> OfxStatus
where
    Probe<N>: Exported,
{
    let plugin = get_plugin::<Probe<N>>(0);
    let effect: *mut c_void = effect.map_or(ptr::null_mut(), handle);
    let set = |number: usize| {
        if number == 0 { ptr::null_mut() } else { handle(number) }
    };
    // SAFETY: the record that the layer created, called as a host calls it.
    unsafe {
        let entry = (*plugin).mainEntry.expect("the layer fills it in");
        entry(action.as_ptr(), effect.cast(), set(args.0), set(args.1))
    }
}

/// Loads the probe in a host of this name.
fn load<const N: usize>(name: &str) -> OfxStatus
where
    Probe<N>: Exported,
{
    reset(name);
    set_host::<N>();
    send::<N>(kOfxActionLoad, None, (0, 0))
}

fn set_host<const N: usize>()
where
    Probe<N>: Exported,
{
    let plugin = get_plugin::<Probe<N>>(0);
    let mut record = record();
    // SAFETY: the record that the layer created, called as a host calls it.
    unsafe {
        let set_host = (*plugin).setHost.expect("the layer fills it in");
        set_host(&mut record);
    }
}

/// A host with the probe loaded and one instance.
fn instance<const N: usize>(name: &str) -> usize
where
    Probe<N>: Exported,
{
    assert_eq!(load::<N>(name), kOfxStatOK);
    let effect = host(host::HostState::new_effect);
    assert_eq!(send::<N>(kOfxActionCreateInstance, Some(effect), (0, 0)), kOfxStatOK);
    notes();
    effect
}

/// Arguments of an action at a time.
fn at(time: f64) -> usize {
    host(|state| {
        let set = state.new_set();
        state.put(set, kOfxPropTime, &[time.into()]);
        set
    })
}

/// Renders a frame, calling `then` in the render action.
fn render<const N: usize>(
    effect: usize,
    time: f64,
    then: impl Fn(&RenderHandle<'_>, &RenderArgs) -> Result<()> + 'static,
) -> OfxStatus
where
    Probe<N>: Exported,
{
    script(|script| script.render = Some(Rc::new(then)));
    let args = at(time);
    send::<N>(kOfxImageEffectActionRender, Some(effect), (args, 0))
}
