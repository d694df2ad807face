"""The measures on drawn pictures with known answers, and the verdicts on invented figures.

    python -m unittest discover -s training/tests        (numpy and cv2, no plugin)
"""

import sys
import tempfile
import unittest
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pocket.looks import LOOKS, apply_look  # noqa: E402
from quality import clips, measures, page, parts, pictures, verdicts  # noqa: E402
from quality.renders import render_key  # noqa: E402


def texture(height=96, width=128, seed=3) -> np.ndarray:
    """[H, W, 3] uint8 with detail that flow can hold on to."""
    noise = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.clip(128 + 45 * noise / noise.std(), 0, 255).astype(np.uint8)


def panning(frames=5, step=2, grain=0.0) -> np.ndarray:
    """A window that moves `step` pixels a frame over a still picture."""
    wide = texture(96, 128 + step * frames)
    clip = np.stack([wide[:, step * t : step * t + 128] for t in range(frames)])
    return np.clip(clip + np.random.default_rng(1).normal(0, grain, clip.shape), 0, 255).astype(np.uint8)


class Measures(unittest.TestCase):
    def test_psnr_of_a_known_error(self):
        a = np.full((2, 16, 16, 3), 100, np.uint8)
        self.assertAlmostEqual(measures.psnr(a, a + 5), 20 * np.log10(255 / 5), places=6)
        self.assertEqual(measures.psnr(a, a), float("inf"))

    def test_ssim_is_one_for_equal_and_the_luminance_term_for_a_flat_shift(self):
        clip = panning(2)
        self.assertAlmostEqual(measures.ssim(clip, clip), 1.0, places=6)
        a, b = np.full((1, 32, 32, 3), 51, np.uint8), np.full((1, 32, 32, 3), 102, np.uint8)
        expected = (2 * 0.2 * 0.4 + 1e-4) / (0.2**2 + 0.4**2 + 1e-4)
        self.assertAlmostEqual(measures.ssim(a, b), expected, places=4)
        noisy = np.clip(clip + np.random.default_rng(0).normal(0, 40, clip.shape), 0, 255).astype(np.uint8)
        self.assertLess(measures.ssim(clip, noisy), 0.8)

    def test_structure_survives_a_negative_and_not_another_picture(self):
        clip = panning(2)
        self.assertAlmostEqual(measures.structure(clip, 255 - clip), 1.0, places=3)
        other = np.stack([texture(seed=9)] * 2)
        self.assertLess(abs(measures.structure(clip, other)), 0.15)
        self.assertEqual(measures.structure(clip, np.full_like(clip, 7)), 0.0)

    def test_motion_follows_a_pan(self):
        moved = measures.motion(panning(step=2))
        x = np.mgrid[0:96, 0:128][1]
        shift = np.median((moved.maps[0][..., 0] - x)[moved.valid[0]])
        self.assertAlmostEqual(float(shift), 2.0, delta=0.1)
        self.assertGreater(np.mean(moved.valid), 0.9)

    def test_what_leaves_the_picture_is_not_counted(self):
        moved = measures.motion(panning(step=4))
        self.assertFalse(moved.valid[0][:, -2:].any())

    def test_flicker_ignores_motion_and_sees_brightness(self):
        clip = panning(grain=4.0)
        moved = measures.motion(clip)
        steady = measures.flicker(clip, 255 - clip, moved)
        self.assertAlmostEqual(steady, 1.0, delta=0.05)
        blinking = clip.astype(np.int16)
        blinking[1::2] += 20
        blinking = np.clip(blinking, 0, 255).astype(np.uint8)
        expected = 20 / 255 / float(np.mean(measures.changes(clip, moved)))
        self.assertAlmostEqual(measures.flicker(clip, blinking, moved), expected, delta=0.15 * expected)
        still = np.stack([clip[0]] * 3)
        self.assertEqual(measures.flicker(still, still, measures.motion(still)), 0.0)
        # The same pattern nailed to the screen does not move with the pan: that is flicker as well.
        self.assertGreater(measures.flicker(clip, np.stack([clip[0]] * len(clip)), moved), 2.0)

    def test_jitter_is_flicker_for_an_equal_amount_of_edges(self):
        clip = panning(grain=4.0)
        moved = measures.motion(clip)
        hard = np.clip(clip.astype(np.float32) * 1.5 - 64, 0, 255).astype(np.uint8)
        soft = (clip // 2 + 60).astype(np.uint8)
        for other in (hard, soft):
            self.assertAlmostEqual(measures.jitter(clip, other, moved), 1.0, delta=0.08)
        self.assertGreater(measures.flicker(clip, hard, moved), 2 * measures.flicker(clip, soft, moved))
        nailed = np.stack([clip[0]] * len(clip))
        self.assertGreater(measures.jitter(clip, nailed, moved), 2.0)

    def test_jump_finds_the_transition_where_the_look_changes(self):
        clip = panning(8, grain=4.0)
        moved = measures.motion(clip)
        smooth, _ = measures.jump(clip, clip, moved)
        self.assertAlmostEqual(smooth, 1.0, delta=0.05)
        broken = clip.copy()
        broken[4:] = np.clip(broken[4:].astype(np.int16) + 30, 0, 255).astype(np.uint8)
        size, frame = measures.jump(clip, broken, moved)
        self.assertEqual(frame, 5)
        self.assertGreater(size, 3.0)

    def test_every_operator_is_nearest_to_itself(self):
        clip = clips.drawn_clips(1, 128)[0].frames
        truths = {look: np.stack([apply_look(look, frame, 5) for frame in clip]) for look in LOOKS}
        for look, truth in truths.items():
            # Other paper, a little blur: still that look.
            other = np.stack([apply_look(look, frame, 6) for frame in clip])
            soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 0.7) for frame in other])
            self.assertEqual(measures.nearest(measures.distances(soft, truths)), look)
            unlike = measures.unlikeness(soft, truths)
            self.assertEqual(min(unlike, key=unlike.get), look)
            # Character is blind to place.
            turned = measures.unlikeness(soft[:, ::-1, ::-1], truths)
            self.assertAlmostEqual(turned[look], unlike[look], delta=0.02)


class Clips(unittest.TestCase):
    def test_drawn_clips_are_the_same_every_time_and_move(self):
        once, again = clips.drawn_clips(3, 64), clips.drawn_clips(3, 64)
        self.assertEqual([c.digest() for c in once], [c.digest() for c in again])
        self.assertEqual(len({c.digest() for c in once}), len(clips.KINDS))
        for clip in once:
            self.assertEqual(clip.frames.shape[1] % 8, 0)
            self.assertGreater(np.abs(np.diff(clip.frames.astype(float), axis=0)).mean(), 0.1)

    def test_frames_come_back_from_files(self):
        frames = panning(3)
        with tempfile.TemporaryDirectory() as folder:
            clips.write_frames(frames, Path(folder))
            self.assertTrue((clips.read_frames(Path(folder)) == frames).all())

    def test_absent_footage_is_a_sentence_with_its_name(self):
        with self.assertRaisesRegex(clips.ClipError, "absent.mp4: there is no such file"):
            clips.footage(Path("absent.mp4"), 8, 64)

    def test_a_render_is_known_by_all_that_it_depends_on(self):
        keys = {render_key(*arguments) for arguments in (
            ("clip", ["m"], {"cfg": "4"}, None), ("other", ["m"], {"cfg": "4"}, None), ("clip", ["n"], {"cfg": "4"}, None),
            ("clip", ["m"], {"cfg": "5"}, None), ("clip", ["m"], {"cfg": "4"}, "noise"))}
        self.assertEqual(len(keys), 5)
        self.assertEqual(render_key("c", [], {"a": "1", "b": "2"}, None), render_key("c", [], {"b": "2", "a": "1"}, None))


def figures(**changed) -> dict:
    return {"source": 15.0, "style": 14.0, "structure": 0.6, "flicker": 1.1, "jitter": 1.2, **changed}


def curve(figure: str, points: dict) -> dict:
    return {"clip": {"neon": [{"value": value, **figures(**{figure: number})} for value, number in points.items()]}}


def look_part(own: dict, random: dict, nearest: str = "neon") -> dict:
    return {"clip": {"neon": {"unsampled": {**figures(**own), "nearest": nearest, "nearest style": 14.0, "unlike": 0.4, "alike": "neon"},
                              "random": {**figures(**random), "nearest": "neon", "nearest style": 9.0, "unlike": 0.9, "alike": "neon"},
                              "operator": figures()}}}


def reconstruction_part(euler=(2.0, 1.0, 0.5), dpm=(0.8, 0.3, 0.25)) -> dict:
    rows = [{"sampler": sampler, "scheduler": "ays", "steps": steps, "psnr": 28.0 - value}
            for sampler, values in (("euler", euler), ("dpmpp_2m", dpm)) for steps, value in zip((8, 16, 32), values)]
    return {"clip": {"round trip": 28.0, "default": 27.0, "rows": rows}}


NOW = {"steps": "16", "sampler": "euler", "unsampleSampler": "euler", "scheduler": "ays", "unsamplePromptMode": "blank",
       "cfg": "4", "contextOverlap": "4", "steadyFrames": "4"}


class Verdicts(unittest.TestCase):
    def holds(self, results) -> list[bool]:
        return [verdict.holds for verdict in verdicts.claims(results)]

    def test_a_claim_holds_or_is_refuted_by_its_curve(self):
        self.assertEqual(self.holds({"unsample-cfg": curve("source", {1: 14.0, 2: 14.5, 3: 15.2})}), [True])
        self.assertEqual(self.holds({"unsample-cfg": curve("source", {1: 14.0, 2: 13.5, 3: 15.2})}), [False])
        self.assertEqual(self.holds({"unsample-cfg": curve("source", {1: 14.0, 2: 14.0, 3: 14.1})}), [False])
        self.assertEqual(self.holds({"added-noise": curve("flicker", {0.0: 1.1, 0.5: 1.6, 1.0: 2.2})}), [True])
        noisy = {"euler": 1.1, "euler_ancestral": 1.8, "dpmpp_2m": 1.1, "dpmpp_2m_sde": 1.1}
        self.assertEqual(self.holds({"samplers": curve("flicker", noisy)}), [False])
        self.assertEqual(self.holds({"reconstruction": reconstruction_part()}), [True])
        self.assertEqual(self.holds({"reconstruction": reconstruction_part(dpm=(0.3, 0.3, 0.3))}), [False])
        self.assertEqual(self.holds({"cfg": curve("structure", {1: 0.9, 4: 0.7, 8: 0.5})}), [True])

    def test_noise_of_the_clip_against_random_noise(self):
        good = look_part({"structure": 0.6, "flicker": 1.2}, {"structure": 0.1, "flicker": 3.0})
        self.assertEqual(self.holds({"looks": good}), [True, True])
        bad = look_part({"structure": 0.6, "flicker": 1.2}, {"structure": 0.4, "flicker": 1.2})
        self.assertEqual(self.holds({"looks": bad}), [False, False])

    def test_targets_are_met_at_their_limits_and_not_beyond(self):
        def met(results, given=("clip",)):
            return [target.met for target in verdicts.targets(results, set(given))]

        self.assertEqual(met({"round-trip": {"clip": {"psnr": 28.0, "ssim": 0.9}}}), [True, True])
        self.assertEqual(met({"round-trip": {"clip": {"psnr": 27.9, "ssim": 0.9}}}), [True, False])
        self.assertEqual(met({"round-trip": {"drawn": {"psnr": 20.0, "ssim": 0.9}}}), [])
        self.assertEqual(met({"reconstruction": reconstruction_part()}), [True, True])
        self.assertEqual(met({"reconstruction": reconstruction_part(dpm=(2.0, 0.6, 0.1))}), [True, False])
        part = look_part({"structure": 0.6, "flicker": 1.31}, {"structure": 0.3, "flicker": 2.7})
        self.assertEqual(met({"looks": part}), [False, False, True, True, False, True])

    def test_the_unsampling_prompt_is_the_steadiest_of_those_that_reach_the_look(self):
        def best(style, flicker):
            rows = [{"value": mode, **figures(style=style[mode], flicker=flicker[mode])} for mode in style]
            return verdicts.defaults({"prompts": {"clip": {"neon": rows}}}, NOW)[0].best

        close = {"blank": 14.4, "own": 14.5, "same": 13.3}
        self.assertEqual(best(close, {"blank": 2.6, "own": 2.65, "same": 1.8}), "blank")
        self.assertEqual(best(close, {"blank": 2.6, "own": 2.2, "same": 1.8}), "own")
        self.assertEqual(best({**close, "same": 14.6}, {"blank": 2.6, "own": 2.6, "same": 1.8}), "same")

    def test_the_cfg_is_the_closest_at_which_the_looks_come_out(self):
        def best(rows, given=()):
            part = {name: {cfg: {"looks": 10, "near": near, "alike": alike, "style": style} for cfg, near, alike, style in clip}
                    for name, clip in rows.items()}
            return verdicts.defaults({"near-cfg": part}, NOW, set(given))[0].best

        good, bad = [("1", 7, 9, 16.0), ("1.5", 8, 8, 15.0), ("2", 9, 9, 14.0)], [("1", 9, 9, 15.0), ("1.5", 3, 9, 14.0), ("2", 9, 9, 13.0)]
        self.assertEqual(best({"film": good}), "1.5")
        self.assertEqual(best({"film": good, "drawn": bad}), "2")
        self.assertEqual(best({"film": good, "drawn": bad}, ["film"]), "1.5")
        self.assertEqual(best({"film": [("1", 7, 6, 16.0), ("1.5", 7, 7, 15.0)]}), "1.5")

    def test_frames_are_averaged_as_far_as_it_takes_and_costs_nothing(self):
        def best(flicker, **others):
            values = {name: dict(zip((0, 2, 4, 8), row)) for name, row in {"flicker": flicker, **others}.items()}
            rows = [{"value": v, **figures(**{name: row[v] for name, row in values.items()})} for v in (0, 2, 4, 8)]
            return verdicts.defaults({"steadying": {"clip": {"neon": rows}}}, NOW)[0].best

        self.assertEqual(best((2.6, 1.6, 1.3, 1.1)), "4")
        self.assertEqual(best((2.6, 2.0, 1.7, 1.5)), "8")
        self.assertEqual(best((2.6, 1.6, 1.3, 1.1), style=(14.0, 13.9, 13.7, 13.0)), "2")
        self.assertEqual(best((2.6, 1.6, 1.3, 1.1), structure=(0.6, 0.5, 0.5, 0.5)), "0")

    def test_defaults_follow_from_the_figures(self):
        found = {d.name: d for d in verdicts.defaults({
            "reconstruction": reconstruction_part(),
            "overlap": curve("jump", {0: 3.0, 2: 1.50, 4: 1.48, None: 1.0})}, NOW)}
        self.assertEqual({name: d.best for name, d in found.items()},
                         {"sampler": "dpmpp_2m", "unsampleSampler": "dpmpp_2m", "scheduler": "ays", "steps": "16", "contextOverlap": "2"})
        self.assertTrue(verdicts.agrees(found["steps"]))
        self.assertFalse(verdicts.agrees(found["sampler"]))
        self.assertTrue(verdicts.agrees(verdicts.Default("cfg", "4.0", "4", "")))


class PerfectPlugin:
    """Gives the look's operator for a prompt, the source for no steps, and remembers what it was asked."""

    defaults = NOW

    def __init__(self):
        self.asked, self.noises = [], []

    def render(self, clip, changed, noise=None):
        self.asked.append((changed, noise))
        if changed.get("denoise") == 0 or changed.get("view") == "reconstruction":
            return clip.frames
        if noise == "noise" and not changed.get("cfg"):
            return np.random.default_rng(0).integers(0, 255, clip.frames.shape, np.uint8)
        return np.stack([apply_look(changed["prompt"], frame, parts.PAPER) for frame in clip.frames])

    def stages(self, clip, changed):
        shape = (len(clip.frames), 4, 8, 16)
        return {"latents.unsampled": np.full(shape, 2.0, np.float32), "sigmas.resample": np.array([14.0, 1.0, 0.0])}

    def noise_file(self, latents):
        self.noises.append(latents)
        return "noise"


class Parts(unittest.TestCase):
    def setUp(self):
        self.plugin = PerfectPlugin()
        self.job = parts.Job(self.plugin, ("poster", "neon"), ("neon",))
        self.clip = clips.Clip("pan", panning(4, grain=4.0), True)

    def test_a_perfect_model_is_nearest_to_its_own_looks_and_random_noise_is_not(self):
        found = parts.looks(self.job, self.clip)
        for look, row in found.items():
            self.assertEqual(row["unsampled"]["nearest"], look)
            self.assertEqual(row["unsampled"]["style"], float("inf"))
            self.assertEqual(row["unsampled"]["flicker"], row["operator"]["flicker"])
            self.assertLess(row["random"]["structure"], 0.2)
        # The looks are as a user sees them, from either noise.
        self.assertEqual({changed["steadyFrames"] for changed, _ in self.plugin.asked}, {"4"})
        self.assertAlmostEqual(float(self.plugin.noises[0].std()), 14.0, delta=0.5)

    def test_a_round_trip_takes_no_step_and_a_reconstruction_every_combination(self):
        self.assertEqual(parts.round_trip(self.job, self.clip)["psnr"], float("inf"))
        rows = parts.reconstruction(self.job, self.clip)["rows"]
        self.assertEqual(len({(r["sampler"], r["scheduler"], r["steps"]) for r in rows}), 18)
        self.assertEqual([changed for changed, _ in self.plugin.asked if "view" not in changed], [{"denoise": 0, "steadyFrames": 0}] * 2)
        for changed in (changed for changed, _ in self.plugin.asked if "view" in changed):
            self.assertEqual((changed["view"], changed["unsamplePrompt"]), ("reconstruction", "photo"))
            self.assertEqual(changed.get("sampler"), changed.get("unsampleSampler"))

    def test_added_noise_comes_in_parts_of_the_level_and_none_is_none(self):
        rows = parts.added_noise(self.job, self.clip)["neon"]
        self.assertEqual([row["value"] for row in rows], list(parts.ADDED))
        self.assertEqual(len(self.plugin.noises), len(parts.ADDED) - 1)
        self.assertAlmostEqual(float(self.plugin.noises[2].std()), 0.5 * 14.0, delta=0.3)
        self.assertAlmostEqual(float(self.plugin.noises[2].mean()), 2.0, delta=0.5)
        self.assertIsNone(self.plugin.asked[0][1])

    def test_steadying_is_tried_on_every_look_that_changes_the_picture(self):
        job = parts.Job(self.plugin, ("photo", "poster", "neon"), ("neon",))
        found = parts.steadying(job, self.clip)
        self.assertEqual(list(found), ["poster", "neon"])
        self.assertEqual([row["value"] for row in found["poster"]], list(parts.STEADY))
        self.assertEqual([changed["steadyFrames"] for changed, _ in self.plugin.asked], list(parts.STEADY) * 2)

    def test_looks_are_counted_at_every_cfg(self):
        found = parts.near_cfg(self.job, self.clip)
        self.assertEqual(list(found), [str(value) for value in parts.NEAR_CFGS])
        self.assertEqual({(row["near"], row["alike"], row["looks"]) for row in found.values()}, {(2, 2, 2)})
        self.assertEqual([changed["cfg"] for changed, _ in self.plugin.asked], [c for c in parts.NEAR_CFGS for _ in range(2)])

    def test_overlaps_are_of_two_windows_beside_a_single_one(self):
        rows = parts.overlap(self.job, clips.Clip("pan", panning(16, grain=4.0), True))["neon"]
        self.assertEqual([row["value"] for row in rows], [0, 2, 4, None])
        self.assertEqual([changed["contextLength"] for changed, _ in self.plugin.asked], [8, 8, 8, 16])


class Page(unittest.TestCase):
    FACTS = {"command": "cargo xtask quality", "date": "d", "machine": "m", "plugin": "p", "model": "w", "clips": "c", "time": "t",
             "given": [], "defaults": NOW}

    def test_names_its_command_its_figures_and_what_is_missing(self):
        text = page.page({"round-trip": {"clip": {"psnr": 27.123, "ssim": 0.91}},
                          "looks": look_part({}, {}, "poster")}, self.FACTS, {"looks": ["quality/looks.jpg"]})
        for part in ("cargo xtask quality", "27.12", "0.910", "poster (14.0)", "](quality/looks.jpg)",
                     "Not measured in this run: reconstruction, unsample-cfg"):
            self.assertIn(part, text)

    def test_every_part_has_a_heading_and_a_writer(self):
        self.assertEqual(list(parts.PARTS), list(page.HEADINGS))
        self.assertEqual(list(parts.PARTS), list(page.WRITERS))

    def test_pictures_keep_to_the_limit(self):
        sheet = pictures.sheet([[("a", texture()), ("b", texture(seed=4))]])
        self.assertEqual(sheet.shape, (pictures.LABEL + 120, 320, 3))
        with tempfile.TemporaryDirectory() as folder:
            names = pictures.save_all({"one": sheet}, Path(folder), 40_000)
            self.assertEqual(names, ["one.jpg"])
            self.assertLess((Path(folder) / "one.jpg").stat().st_size, 40_000)
            with self.assertRaises(ValueError):
                pictures.save_all({"one": sheet}, Path(folder), 1000)


if __name__ == "__main__":
    unittest.main()
