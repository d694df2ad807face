//! Loading, instances, and the status of actions.

use super::host::{Value, handle};
use super::*;

#[test]
fn record_is_one_and_complete() {
    let record = get_plugin::<Probe<0>>(0);
    assert_eq!(record, get_plugin::<Probe<0>>(0), "hosts keep the address");
    assert!(get_plugin::<Probe<0>>(1).is_null());
    assert!(get_plugin::<Probe<0>>(-1).is_null());
    // SAFETY: made by the layer and never freed.
    let record = unsafe { &*record };
    // SAFETY: the layer sets these fields to C strings.
    let (api, identifier) =
        unsafe { (CStr::from_ptr(record.pluginApi), CStr::from_ptr(record.pluginIdentifier)) };
    assert_eq!(api, c"OfxImageEffectPluginAPI");
    assert_eq!(identifier, c"org.example.probe");
    assert_eq!((record.pluginVersionMajor, record.pluginVersionMinor), (1, 2));
}

#[test]
fn load_is_repeatable_and_survives_unload() {
    assert_eq!(load::<1>("first"), kOfxStatOK);
    assert_eq!(send::<1>(kOfxActionLoad, None, (0, 0)), kOfxStatOK);
    assert_eq!(send::<1>(kOfxActionUnload, None, (0, 0)), kOfxStatOK);
    host(|state| state.put(0, kOfxPropName, &["second".into()]));
    set_host::<1>();
    assert_eq!(send::<1>(kOfxActionLoad, None, (0, 0)), kOfxStatOK);
    assert_eq!(notes(), ["load first", "load first", "unload", "load second"]);
}

#[test]
fn load_without_a_host_or_its_basic_suites_fails() {
    assert_eq!(send::<2>(kOfxActionLoad, None, (0, 0)), kOfxStatErrMissingHostFeature);
    for hole in ["OfxParameterSuite 1", "OfxPropertySuite 1", "propGetInt"] {
        reset("holes");
        host(|state| state.faults.holes = vec![hole]);
        set_host::<2>();
        assert_eq!(send::<2>(kOfxActionLoad, None, (0, 0)), kOfxStatErrMissingHostFeature, "{hole}");
    }
    assert!(notes().is_empty(), "the effect never heard of it");
}

#[test]
fn optional_holes_do_not_matter() {
    reset("holes");
    host(|state| {
        state.faults.holes = vec![
            "propGetDimension",
            "abort",
            "OfxMessageSuite 1",
            "OfxMessageSuite 2",
            "OfxProgressSuite 1",
            "OfxProgressSuite 2",
        ];
    });
    set_host::<3>();
    assert_eq!(send::<3>(kOfxActionLoad, None, (0, 0)), kOfxStatOK);
    let effect = host(host::HostState::new_effect);
    let created = send::<3>(kOfxActionCreateInstance, Some(effect), (0, 0));
    assert_eq!(created, kOfxStatOK);
    let status = render::<3>(effect, 1.0, |handle, _| {
        assert!(!handle.abort());
        assert_eq!(handle.progress("x").update(0.5), Verdict::Continue);
        handle.notice(MessageKind::Error, "nobody hears this");
        assert_eq!(handle.time_line(), None);
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
}

#[test]
fn unknown_actions_are_left_to_the_host() {
    let effect = instance::<4>("any");
    for action in [c"OfxActionOfTomorrow", c"", kOfxImageEffectActionGetOutputColourspace] {
        assert_eq!(send::<4>(action, Some(effect), (0, 0)), kOfxStatReplyDefault);
    }
    // SAFETY: a NULL name is permitted; the test checks how it is handled.
    let status =
        unsafe { entry::act::<Probe<4>>(ptr::null(), ptr::null(), ptr::null_mut(), ptr::null_mut()) };
    assert_eq!(status, kOfxStatReplyDefault);
}

#[test]
fn null_handles_are_refused() {
    assert_eq!(load::<5>("any"), kOfxStatOK);
    for action in [
        kOfxActionDescribe,
        kOfxImageEffectActionDescribeInContext,
        kOfxActionCreateInstance,
        kOfxActionDestroyInstance,
        kOfxActionInstanceChanged,
        kOfxImageEffectActionRender,
        kOfxImageEffectActionIsIdentity,
    ] {
        assert_eq!(send::<5>(action, None, (0, 0)), kOfxStatErrBadHandle, "{action:?}");
    }
}

#[test]
fn describing_survives_refused_properties() {
    assert_eq!(load::<6>("Resolve-like"), kOfxStatOK);
    let effect = host(|state| {
        state.faults.refused_props = vec![
            kOfxPropPluginDescription,
            kOfxPropVersionLabel,
            kOfxPropIcon,
            kOfxImageEffectPropTemporalClipAccess,
        ];
        state.new_effect()
    });
    assert_eq!(send::<6>(kOfxActionDescribe, Some(effect), (0, 0)), kOfxStatOK);
    let depths = host(|state| {
        let set = state.effects[effect].set;
        state.get(set, kOfxImageEffectPropSupportedPixelDepths)
    });
    assert_eq!(depths, ["OfxBitDepthFloat".into(), "OfxBitDepthByte".into()]);
}

#[test]
fn contexts_come_from_the_arguments_or_are_filter() {
    assert_eq!(load::<7>("any"), kOfxStatOK);
    let (effect, general, odd) = host(|state| {
        let (general, odd) = (state.new_set(), state.new_set());
        state.put(general, kOfxImageEffectPropContext, &["OfxImageEffectContextGeneral".into()]);
        state.put(odd, kOfxImageEffectPropContext, &["OfxOdd".into()]);
        (state.new_effect(), general, odd)
    });
    notes();
    let action = kOfxImageEffectActionDescribeInContext;
    assert_eq!(send::<7>(action, Some(effect), (general, 0)), kOfxStatOK);
    assert_eq!(send::<7>(action, Some(effect), (0, 0)), kOfxStatOK);
    assert_eq!(notes(), ["context General", "context Filter"]);
    assert_eq!(send::<7>(action, Some(effect), (odd, 0)), kOfxStatErrUnsupported);
}

/// Natron copies the properties of an instance, including the instance data pointer, and creates the copy
/// afterwards.
#[test]
fn creating_never_follows_what_it_finds() {
    let first = instance::<8>("Natron-like");
    let data = |effect: usize| {
        host(|state| {
            let set = state.effects[effect].set;
            state.get(set, kOfxPropInstanceData)
        })
    };
    let mark = data(first);
    assert!(matches!(mark[..], [Value::Pointer(address)] if address != 0));
    let copy = host(|state| {
        let copy = state.new_effect();
        let set = state.effects[copy].set;
        state.put(set, kOfxPropInstanceData, &mark);
        copy
    });
    // Before it is created, the copy belongs to no one, whatever its properties contain.
    let args = at(1.0);
    let render = kOfxImageEffectActionRender;
    assert_eq!(send::<8>(render, Some(copy), (args, 0)), kOfxStatErrBadHandle);
    assert_eq!(send::<8>(kOfxActionCreateInstance, Some(copy), (0, 0)), kOfxStatOK);
    assert_ne!(data(copy), mark);
    assert_eq!(data(first), mark);
    // The instances are independent: destroying one leaves the other.
    assert_eq!(send::<8>(render, Some(first), (args, 0)), kOfxStatOK);
    assert_eq!(send::<8>(render, Some(copy), (args, 0)), kOfxStatOK);
    assert_eq!(send::<8>(kOfxActionDestroyInstance, Some(copy), (0, 0)), kOfxStatOK);
    assert_eq!(send::<8>(render, Some(copy), (args, 0)), kOfxStatErrBadHandle);
    assert_eq!(send::<8>(render, Some(first), (args, 0)), kOfxStatOK);
    assert_eq!(notes(), ["created 2", "render 1 at 1", "render 2 at 1", "dropped 2", "render 1 at 1"]);
}

#[test]
fn an_instance_that_nobody_destroyed_makes_way() {
    let effect = instance::<9>("MLT");
    assert_eq!(send::<9>(kOfxActionCreateInstance, Some(effect), (0, 0)), kOfxStatOK);
    assert_eq!(notes(), ["created 2", "dropped 1"]);
}

/// One host has destroyed the rest of the instance by then, and aborts on access.
#[test]
fn destroying_touches_nothing_but_the_instance_data() {
    let effect = instance::<41>("any");
    host(|state| state.touched.clear());
    let status = send::<41>(kOfxActionDestroyInstance, Some(effect), (0, 0));
    assert_eq!(status, kOfxStatOK);
    assert_eq!(host(|state| state.touched.clone()), ["OfxPropInstanceData"]);
}

#[test]
fn tidying_up_never_fails() {
    let effect = instance::<10>("any");
    for action in [kOfxActionPurgeCaches, kOfxActionSyncPrivateData] {
        assert_eq!(send::<10>(action, Some(effect), (0, 0)), kOfxStatReplyDefault);
        assert_eq!(send::<10>(action, Some(9999), (0, 0)), kOfxStatReplyDefault);
    }
}

#[test]
fn a_panic_stays_inside() {
    let effect = instance::<11>("any");
    let status = render::<11>(effect, 1.0, |_, _| panic!("at 50% of it"));
    assert_eq!(status, kOfxStatFailed);
    let said = host(|state| state.messages.clone());
    assert_eq!(
        said,
        [("persistent OfxMessageError".to_owned(), "an internal error: at 50%% of it".to_owned())]
    );
    // The instance still works, and its message is cleared.
    assert_eq!(render::<11>(effect, 2.0, |_, _| Ok(())), kOfxStatOK);
    let last = host(|state| state.messages.pop());
    assert_eq!(last, Some(("cleared".to_owned(), String::new())));
}

#[test]
fn a_panic_with_a_payload_that_panics_stays_inside() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let effect = instance::<12>("any");
    let status = render::<12>(effect, 1.0, |_, _| std::panic::panic_any(Bomb));
    assert_eq!(status, kOfxStatFailed);
}

/// An assertion within an effect must be able to fail a test.
#[test]
fn tests_may_let_a_panic_through() {
    let effect = instance::<30>("any");
    script(|script| script.render = Some(Rc::new(|_, _| panic!("seen"))));
    let args = at(1.0);
    let render = || {
        let action = kOfxImageEffectActionRender;
        // SAFETY: the same arguments as in `send`, without the C entry point.
        unsafe {
            entry::act::<Probe<30>>(action.as_ptr(), handle::<c_void>(effect), handle(args), ptr::null_mut())
        }
    };
    assert_eq!(render(), kOfxStatFailed);
    let_panics_through(true);
    let payload = std::panic::catch_unwind(render).expect_err("it comes through");
    let_panics_through(false);
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"seen"));
}

#[test]
fn kinds_of_error_become_statuses() {
    let effect = instance::<13>("any");
    for (error, status) in [
        (Error::failed("x"), kOfxStatFailed),
        (Error::Fatal("x".to_owned()), kOfxStatErrFatal),
        (Error::Memory("x".to_owned()), kOfxStatErrMemory),
        (Error::ImageFormat("x".to_owned()), kOfxStatErrImageFormat),
        (Error::Unsupported("x".to_owned()), kOfxStatErrUnsupported),
        (Error::Aborted, kOfxStatFailed),
    ] {
        let told = render::<13>(effect, 1.0, move |_, _| Err(error.clone()));
        assert_eq!(told, status);
    }
}

#[test]
fn a_render_complains_once_and_not_about_a_stop() {
    let effect = instance::<14>("any");
    for _ in 0..3 {
        render::<14>(effect, 1.0, |_, _| Err(Error::failed("no model")));
    }
    render::<14>(effect, 1.0, |_, _| Err(Error::Aborted));
    assert_eq!(host(|state| state.messages.len()), 1);
    render::<14>(effect, 1.0, |_, _| Err(Error::failed("no memory")));
    assert_eq!(host(|state| state.messages.len()), 2);
}

#[test]
fn a_failed_creation_is_told_and_leaves_nothing() {
    assert_eq!(load::<15>("any"), kOfxStatOK);
    script(|script| script.refuse_to_create = true);
    let effect = host(host::HostState::new_effect);
    let status = send::<15>(kOfxActionCreateInstance, Some(effect), (0, 0));
    assert_eq!(status, kOfxStatFailed);
    let said = host(|state| state.messages.clone());
    assert_eq!(said, [("OfxMessageError".to_owned(), "cannot: 100%% full".to_owned())]);
    let args = at(1.0);
    let status = send::<15>(kOfxImageEffectActionRender, Some(effect), (args, 0));
    assert_eq!(status, kOfxStatErrBadHandle);
}

#[test]
fn resolve_gets_messages_of_version_1_only() {
    let effect = instance::<16>("DaVinciResolveLite");
    render::<16>(effect, 1.0, |handle, _| {
        assert!(!handle.host().persistent_messages);
        assert_eq!(handle.host().kind, HostKind::Resolve);
        Err(Error::failed("no model"))
    });
    let said = host(|state| state.messages.clone());
    assert_eq!(said, [("OfxMessageLog".to_owned(), "no model".to_owned())]);
}

#[test]
fn a_message_suite_with_a_hole_is_the_older_one() {
    reset("any");
    host(|state| state.faults.holes = vec!["setPersistentMessage"]);
    set_host::<17>();
    assert_eq!(send::<17>(kOfxActionLoad, None, (0, 0)), kOfxStatOK);
    let effect = host(host::HostState::new_effect);
    send::<17>(kOfxActionCreateInstance, Some(effect), (0, 0));
    render::<17>(effect, 1.0, |_, _| Err(Error::failed("no model")));
    let said = host(|state| state.messages.clone());
    assert_eq!(said, [("OfxMessageLog".to_owned(), "no model".to_owned())]);
}

#[test]
fn progress_and_abort_hear_the_cancel_button() {
    let effect = instance::<18>("any");
    let status = render::<18>(effect, 1.0, |handle, _| {
        let mut bar = handle.progress("Restyling 5%");
        assert_eq!(bar.update(0.25), Verdict::Continue);
        assert!(!handle.abort());
        host(|state| state.faults.cancelled = true);
        assert_eq!(bar.update(f64::NAN), Verdict::Cancel);
        assert!(handle.abort());
        host(|state| state.faults.cancelled = false);
        assert_eq!(bar.update(2.0), Verdict::Cancel, "it stays cancelled");
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
    let bar = host(|state| state.progress.clone());
    assert_eq!(bar, ["2 Restyling 5%", "0.25", "0", "1", "end"]);
}

#[test]
fn any_strange_answer_to_progress_means_stop() {
    let effect = instance::<42>("any");
    for (answer, verdict) in [
        (kOfxStatOK, Verdict::Continue),
        (kOfxStatReplyDefault, Verdict::Continue),
        (kOfxStatReplyNo, Verdict::Cancel),
        (kOfxStatFailed, Verdict::Cancel),
        (4711, Verdict::Cancel),
    ] {
        host(|state| state.faults.progress_answer = Some(answer));
        let status = render::<42>(effect, 1.0, move |handle, _| {
            assert_eq!(handle.progress("x").update(0.5), verdict, "{answer}");
            Ok(())
        });
        assert_eq!(status, kOfxStatOK);
    }
}

/// If each frame has its own instance, the effect remembers its messages.
#[test]
fn what_the_user_was_told_is_not_told_again() {
    let effect = instance::<43>("MLT");
    let told = Error::Told(Box::new(Error::ImageFormat("odd".to_owned())));
    let status = render::<43>(effect, 1.0, move |_, _| Err(told.clone()));
    assert_eq!(status, kOfxStatErrImageFormat);
    assert_eq!(host(|state| state.messages.len()), 0);
}

/// A host with a cache of descriptions creates instances without describing the plug-in.
#[test]
fn an_instance_needs_no_description_in_this_process() {
    assert_eq!(load::<44>("warm cache"), kOfxStatOK);
    let effect = host(host::HostState::new_effect);
    assert_eq!(send::<44>(kOfxActionCreateInstance, Some(effect), (0, 0)), kOfxStatOK);
    assert_eq!(render::<44>(effect, 1.0, |_, _| Ok(())), kOfxStatOK);
    assert_eq!(send::<44>(kOfxActionDestroyInstance, Some(effect), (0, 0)), kOfxStatOK);
    assert_eq!(notes(), ["load warm cache", "created 1", "render 1 at 1", "dropped 1"]);
}

#[test]
fn questions_are_answered_through_the_properties() {
    let effect = instance::<19>("any");
    let (args, out) = (at(5.0), host(host::HostState::new_set));
    let get = |name: &CStr| host(|state| state.get(out, name));

    let needed = kOfxImageEffectActionGetFramesNeeded;
    assert_eq!(send::<19>(needed, Some(effect), (args, out)), kOfxStatOK);
    assert_eq!(get(c"OfxImageClipPropFrameRange_Source"), [4.0.into(), 6.0.into(), 10.0.into(), 12.0.into()]);
    let preferences = kOfxImageEffectActionGetClipPreferences;
    assert_eq!(send::<19>(preferences, Some(effect), (0, out)), kOfxStatOK);
    assert_eq!(get(kOfxImageEffectFrameVarying), [1.into()]);

    let identity = kOfxImageEffectActionIsIdentity;
    let ask = |answer| {
        script(|script| script.identity = Some(answer));
        send::<19>(identity, Some(effect), (args, out))
    };
    assert_eq!(ask(Ok(None)), kOfxStatReplyDefault);
    assert_eq!(ask(Err(Error::failed("?"))), kOfxStatReplyDefault);
    let source = Identity { clip: "Source".to_owned(), time: 4.5 };
    assert_eq!(ask(Ok(Some(source))), kOfxStatOK);
    assert_eq!(get(kOfxPropName), ["Source".into()]);
    assert_eq!(get(kOfxPropTime), [4.5.into()]);
}

#[test]
fn device_memory_is_refused() {
    let effect = instance::<20>("any");
    let args = at(1.0);
    host(|state| state.put(args, kOfxImageEffectPropCudaEnabled, &[1.into()]));
    let status = send::<20>(kOfxImageEffectActionRender, Some(effect), (args, 0));
    assert_eq!(status, kOfxStatErrUnsupported);
    assert!(notes().is_empty());
}

#[test]
fn only_the_user_may_fetch_pictures_while_editing() {
    let effect = instance::<21>("any");
    script(|script| {
        script.changed = Some(Rc::new(|edit, change| {
            note(format!("{:?} {}", change.kind, edit.rendering().is_some()));
            Ok(Handled::Yes)
        }));
    });
    for (kind, name, reason) in [
        (kOfxTypeParameter, "analyse", Some(kOfxChangeUserEdited)),
        (kOfxTypeClip, "Source", Some(kOfxChangePluginEdited)),
        (c"OfxTypeOdd", "ResolveSomething", None),
    ] {
        let args = host(|state| {
            let set = state.new_set();
            let word = |word: &CStr| Value::from(word.to_str().expect("ASCII"));
            state.put(set, kOfxPropType, &[word(kind)]);
            state.put(set, kOfxPropName, &[name.into()]);
            if let Some(reason) = reason {
                state.put(set, kOfxPropChangeReason, &[word(reason)]);
            }
            set
        });
        let status = send::<21>(kOfxActionInstanceChanged, Some(effect), (args, 0));
        assert_eq!(status, kOfxStatOK);
    }
    assert_eq!(
        notes(),
        [
            "changed analyse",
            "Param true",
            "changed Source",
            "Clip false",
            "changed ResolveSomething",
            "Other false"
        ]
    );
}

#[test]
fn an_instance_destroyed_while_it_renders_ends_after_the_render() {
    let effect = instance::<22>("careless");
    let status = render::<22>(effect, 1.0, move |_, _| {
        let destroyed = send::<22>(kOfxActionDestroyInstance, Some(effect), (0, 0));
        assert_eq!(destroyed, kOfxStatOK);
        note("still here");
        Ok(())
    });
    assert_eq!(status, kOfxStatOK);
    assert_eq!(notes(), ["render 1 at 1", "still here", "dropped 1"]);
}

/// Handles stay on their action's thread: this would not compile if one were `Send`.
#[test]
fn handles_cannot_be_sent() {
    trait OnlyIfNotSend<Marker> {
        fn there_is_one_such() {}
    }
    impl<T: ?Sized> OnlyIfNotSend<()> for T {}
    impl<T: ?Sized + Send> OnlyIfNotSend<u8> for T {}

    <InstanceHandle<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    <RenderHandle<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    <EditHandle<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    <Clip<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    <Param<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    <Image<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    <OutputImage<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    <Progress<'static> as OnlyIfNotSend<_>>::there_is_one_such();
    let _: *mut () = handle(1);
}
