//! Loading a plugin and running its describe actions.

use std::ffi::{CStr, CString, c_int};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libloading::Library;
use openfx_sys::*;

use super::actions::{Arguments, Entry};
use super::effect::Effect;
use super::error::HostError;
use super::props::Access::Read;
use super::props::PropertySet;
use super::registry::{self, Object, Registered};
use super::session::Session;
use super::status::status_name;
use super::{sets, suites};

/// Identity of a plugin, from its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginIdentity {
    /// Identifier, as in a project file.
    pub name: String,
    /// Major and minor version.
    pub version: (u32, u32),
}

/// A loaded and described plugin.
pub struct Plugin {
    /// Identifier and version.
    pub identity: PluginIdentity,
    /// Path of the binary.
    pub path: PathBuf,
    /// Context of the description.
    pub context: CString,
    /// The session that loaded the plugin.
    pub session: Arc<Session>,
    /// Descriptor in that context.
    pub description: Arc<Effect>,
    described: Arc<Effect>,
    entry: Entry,
    _host: Registered,
    // Dropped last: everything else may refer to the library's code.
    _library: Option<Library>,
}

/// The host record passed to the plugin. It is leaked, because a plugin may keep the pointer, even across
/// unloading if the system keeps the library in memory. Its property set handle becomes invalid with the
/// plugin.
fn host_record(session: &Arc<Session>) -> (*mut OfxHost, Registered) {
    let props = Arc::new(sets::host(&session.settings));
    let handle = registry::register(Object::Host(props, session.clone()));
    let record = Box::leak(Box::new(OfxHost { host: handle.pointer(), fetchSuite: Some(suites::fetch) }));
    (record, handle)
}

/// Path of the binary for this machine in a bundle; a path to a binary is returned unchanged.
///
/// # Errors
/// [`HostError::Bundle`] if the bundle has no binary for this machine.
pub fn binary_of(bundle: &Path) -> Result<PathBuf, HostError> {
    if bundle.is_file() {
        return Ok(bundle.to_owned());
    }
    let failed = |why: String| HostError::Bundle { path: bundle.to_owned(), why };
    if !bundle.is_dir() {
        return Err(failed("it does not exist".into()));
    }
    let name = bundle.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let binary = name.strip_suffix(".bundle").unwrap_or(&name);
    for folder in architectures() {
        let path = bundle.join("Contents").join(folder).join(binary);
        if path.is_file() {
            return Ok(path);
        }
    }
    Err(failed(format!("there is no {binary} in Contents/{}", architectures().join(" or Contents/"))))
}

/// Names of the bundle folders with binaries for this machine.
fn architectures() -> &'static [&'static str] {
    if cfg!(target_os = "macos") {
        &["MacOS"]
    } else if cfg!(windows) {
        &["Win64"]
    } else if cfg!(target_arch = "aarch64") {
        &["Linux-arm64", "Linux-aarch64"]
    } else {
        &["Linux-x86-64"]
    }
}

/// The plugin records of an open binary.
fn records(library: &Library, path: &Path) -> Result<Vec<*mut OfxPlugin>, HostError> {
    let missing = |name: &str, error: libloading::Error| HostError::Load {
        path: path.to_owned(),
        why: format!("it has no {name} ({error})"),
    };
    // SAFETY: the symbol of this name has this type in every OpenFX binary.
    let count = unsafe { library.get::<OfxGetNumberOfPluginsFn>(c"OfxGetNumberOfPlugins") }
        .map_err(|error| missing("OfxGetNumberOfPlugins", error))?;
    // SAFETY: as above.
    let get = unsafe { library.get::<OfxGetPluginFn>(c"OfxGetPlugin") }
        .map_err(|error| missing("OfxGetPlugin", error))?;
    // SAFETY: the functions take and return plain values.
    let all: Vec<*mut OfxPlugin> = unsafe { (0..count()).map(|nth| get(nth)).collect() };
    Ok(all.into_iter().filter(|record| !record.is_null()).collect())
}

/// Reads a record; `None` if it is not an image effect of a supported API version.
fn identity(record: *mut OfxPlugin) -> Option<(PluginIdentity, Entry)> {
    // SAFETY: the record is a constant of the loaded binary.
    let plugin = unsafe { &*record };
    if plugin.pluginApi.is_null() || plugin.pluginIdentifier.is_null() {
        return None;
    }
    // SAFETY: a record's strings are constants of the loaded binary.
    let (api, name) = unsafe { (CStr::from_ptr(plugin.pluginApi), CStr::from_ptr(plugin.pluginIdentifier)) };
    let known =
        api == kOfxImageEffectPluginApi && plugin.apiVersion == kOfxImageEffectPluginApiVersion as c_int;
    let identity = PluginIdentity {
        name: name.to_string_lossy().into_owned(),
        version: (plugin.pluginVersionMajor, plugin.pluginVersionMinor),
    };
    plugin.mainEntry.filter(|_| known).map(|entry| (identity, Entry(entry)))
}

impl Plugin {
    /// Loads a bundle or binary and describes the plugin with the identifier `wanted`, or the first one.
    ///
    /// # Errors
    /// The binary does not load, does not contain the plugin, or the plugin returns an error.
    pub fn load(bundle: &Path, wanted: Option<&str>, session: &Arc<Session>) -> Result<Self, HostError> {
        let path = binary_of(bundle)?;
        // SAFETY: loading runs the binary's constructors; the user named the binary as a plugin to run.
        let library = unsafe { open(&path) }
            .map_err(|error| HostError::Load { path: path.clone(), why: error.to_string() })?;
        let (record_of_host, host) = host_record(session);
        // SAFETY: the optional symbol of this name has this type in every OpenFX binary that has it.
        if let Ok(set_host) = unsafe { library.get::<OfxSetHostFn>(c"OfxSetHost") } {
            // SAFETY: the record is never freed.
            if unsafe { set_host(record_of_host) } == kOfxStatFailed {
                return Err(HostError::Load { path, why: "it refuses this host".into() });
            }
        }
        let records = records(&library, &path)?;
        // SAFETY: the records are constants of the loaded binary, which stays loaded as long as the plugin.
        unsafe { Self::choose(path, wanted, session, records, record_of_host, host, Some(library)) }
    }

    /// Uses a plugin that is linked into this program, for tests.
    ///
    /// # Errors
    /// The record is not an image effect, or the plugin returns an error.
    ///
    /// # Safety
    /// The record, its strings and its functions are valid forever.
    #[allow(dead_code, reason = "for the integration tests that include this module")]
    pub unsafe fn built_in(record: *mut OfxPlugin, session: &Arc<Session>) -> Result<Self, HostError> {
        let (record_of_host, host) = host_record(session);
        // SAFETY: guaranteed by the caller.
        unsafe { Self::choose(PathBuf::new(), None, session, vec![record], record_of_host, host, None) }
    }

    /// Selects one of a binary's records and describes it.
    ///
    /// # Safety
    /// The records are valid as long as the plugin is loaded.
    unsafe fn choose(
        path: PathBuf,
        wanted: Option<&str>,
        session: &Arc<Session>,
        records: Vec<*mut OfxPlugin>,
        record_of_host: *mut OfxHost,
        host: Registered,
        library: Option<Library>,
    ) -> Result<Self, HostError> {
        let all: Vec<_> =
            records.into_iter().filter_map(|record| Some((record, identity(record)?))).collect();
        let names: Vec<String> = all.iter().map(|(_, (identity, _))| identity.name.clone()).collect();
        let chosen =
            all.into_iter().find(|(_, (identity, _))| wanted.is_none_or(|wanted| wanted == identity.name));
        let Some((record, (identity, entry))) = chosen else {
            return Err(HostError::NoPlugin {
                path,
                wanted: wanted.unwrap_or("for image effects").to_owned(),
                found: if names.is_empty() { "none".into() } else { names.join(", ") },
            });
        };
        // SAFETY: the caller guarantees a valid record; the host record is never freed.
        unsafe {
            if let Some(set_host) = (*record).setHost {
                set_host(record_of_host);
            }
        }
        Self::describe(path, session, identity, entry, host, library)
    }

    fn describe(
        path: PathBuf,
        session: &Arc<Session>,
        identity: PluginIdentity,
        entry: Entry,
        host: Registered,
        library: Option<Library>,
    ) -> Result<Self, HostError> {
        let folder = bundle_folder(&path);
        let folder = CString::new(folder.to_string_lossy().as_bytes()).unwrap_or_default();
        let described = Effect::describing(session, entry, &folder);
        let loaded = Loaded { entry, described: &described };
        check(session, "load", entry.call_bare(kOfxActionLoad))?;
        let reply = entry.call(kOfxActionDescribe, &described, Arguments::default());
        check(session, "describe", reply.status)?;
        let context = choose_context(&described.props, session.settings.context.as_deref())?;
        let description = Effect::in_context(&described, &context);
        let input = PropertySet::new();
        input.define_text(kOfxImageEffectPropContext, Read, &[&context]);
        let arguments = Arguments { input: Some(input), ..Arguments::default() };
        let reply = entry.call(kOfxImageEffectActionDescribeInContext, &description, arguments);
        if let Err(error) = check(session, "describe in context", reply.status) {
            description.retire();
            return Err(error);
        }
        std::mem::forget(loaded);
        Ok(Self {
            identity,
            path,
            context,
            session: session.clone(),
            description,
            described,
            entry,
            _host: host,
            _library: library,
        })
    }

    /// Names of the plugin's input clips.
    pub fn inputs(&self) -> Vec<String> {
        let clips = self.description.clips();
        clips.iter().filter(|clip| !clip.is_output()).map(|clip| clip.name()).collect()
    }
}

/// Calls Unload if describing fails.
struct Loaded<'a> {
    entry: Entry,
    described: &'a Arc<Effect>,
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        self.described.retire();
        self.entry.call_bare(kOfxActionUnload);
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.description.retire();
        self.described.retire();
        self.entry.call_bare(kOfxActionUnload);
    }
}

/// Opens a binary with local symbol visibility, as hosts do.
///
/// # Safety
/// As for [`Library::new`].
unsafe fn open(path: &Path) -> Result<Library, libloading::Error> {
    // For a path without a slash the system would search its library folders.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // SAFETY: guaranteed by the caller.
    unsafe { Library::new(path) }
}

/// Folder of the bundle that contains a binary, or else the binary's own folder.
fn bundle_folder(binary: &Path) -> PathBuf {
    let binary = std::path::absolute(binary).unwrap_or_else(|_| binary.to_owned());
    let bundle = binary.ancestors().find(|path| path.to_string_lossy().ends_with(".ofx.bundle"));
    bundle.or(binary.parent()).unwrap_or(&binary).to_owned()
}

fn choose_context(props: &PropertySet, wanted: Option<&str>) -> Result<CString, HostError> {
    let offered: Vec<CString> = props.all(kOfxImageEffectPropSupportedContexts);
    if let Some(wanted) = wanted {
        // The short name `filter` means `OfxImageEffectContextFilter`.
        let full = format!("OfxImageEffectContext{}", capital(wanted));
        let fits = |context: &&CString| {
            context.to_bytes() == full.as_bytes() || context.to_bytes() == wanted.as_bytes()
        };
        return offered
            .iter()
            .find(fits)
            .cloned()
            .ok_or_else(|| HostError::Unsupported { what: format!("the context {wanted}") });
    }
    sets::CONTEXTS
        .iter()
        .find(|context| offered.iter().any(|offer| **offer == ***context))
        .map(|&context| context.to_owned())
        .ok_or_else(|| HostError::Unsupported { what: "the contexts general and filter".into() })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Turns a failed action into an error with the plugin's last error message.
pub fn check(session: &Session, action: &'static str, status: OfxStatus) -> Result<(), HostError> {
    if matches!(status, kOfxStatOK | kOfxStatReplyDefault) {
        return Ok(());
    }
    Err(HostError::Action { action, why: session.last_error().unwrap_or_else(|| status_name(status)) })
}
