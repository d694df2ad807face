//! Reads the host's parameters at a time. If the host does not return a value, it is the table's default.

use openfx::InstanceHandle;

use super::settings::Reader;
use super::table::{self, ParamType};

/// Reads parameters through the handle of an action.
pub struct HostReader<'a, 'h>(pub &'a InstanceHandle<'h>);

impl Reader for HostReader<'_, '_> {
    fn int(&self, name: &'static str, time: f64) -> i32 {
        let default = match table::find(name).map(|p| p.kind) {
            Some(ParamType::Int { default, .. }) => default,
            _ => 0,
        };
        self.0.param(name).int(time, default)
    }

    fn double(&self, name: &'static str, time: f64) -> f64 {
        let default = match table::find(name).map(|p| p.kind) {
            Some(ParamType::Double { default, .. }) => default,
            _ => 0.0,
        };
        self.0.param(name).double(time, default)
    }

    fn boolean(&self, name: &'static str, time: f64) -> bool {
        let default = matches!(table::find(name).map(|p| p.kind), Some(ParamType::Bool { default: true }));
        self.0.param(name).bool(time, default)
    }

    fn choice(&self, name: &'static str, time: f64) -> usize {
        let default = match table::find(name).map(|p| p.kind) {
            Some(ParamType::Choice { default, .. }) => default,
            _ => 0,
        };
        self.0.param(name).choice(time, default)
    }

    fn text(&self, name: &'static str, time: f64) -> String {
        let default = match table::find(name).map(|p| p.kind) {
            Some(ParamType::Text { default, .. }) => default,
            _ => "",
        };
        self.0.param(name).string(time, default)
    }
}
